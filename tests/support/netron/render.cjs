// A picture of a model in Netron's own page. usage: node render.cjs URL PICTURE.png [TITLE ...]
// Every TITLE is the title of a nested graph: its "+" is clicked. Needs chromium and playwright-core.
const { chromium } = require('playwright-core');

const [url, picture, ...titles] = process.argv.slice(2);

(async () => {
    const started = Date.now();
    const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || '/usr/bin/chromium', args: ['--no-sandbox'] });
    try {
        const context = await browser.newContext({ viewport: { width: 1400, height: 1600 } });
        await context.addCookies([{ name: 'consent', value: String(Date.now()), url }]); // no dialog about cookies
        const home = new URL(url).hostname;
        await context.route('**/*', (route) => (new URL(route.request().url()).hostname === home ? route.continue() : route.abort()));
        // Netron takes eval away, which page.evaluate needs.
        await context.addInitScript(() => {
            const kept = window.eval;
            Object.defineProperty(window, 'eval', { get: () => kept, set() {} });
        });
        const page = await context.newPage();
        const errors = [];
        page.on('pageerror', (error) => errors.push(error.message));
        // Netron refuses to run long after its own release.
        if (process.env.NETRON_DATE) await page.clock.setSystemTime(new Date(process.env.NETRON_DATE));
        await page.goto(url);
        const state = await Promise.race([
            page.waitForSelector('body.default', { timeout: 120000 }).then(() => 'rendered'),
            page.waitForSelector('#message-text:visible', { timeout: 120000 }).then((message) => message.innerText()),
        ]);
        const rendered = Date.now() - started;
        for (const title of titles) {
            const clicked = await page.evaluate((wanted) => {
                const headers = [...document.querySelectorAll('.node-item')];
                const at = headers.findIndex((header) => header.textContent.startsWith(wanted));
                const sign = headers.slice(at).find((header) => header.textContent.startsWith('+'));
                if (at < 0 || !sign) return false;
                sign.dispatchEvent(new MouseEvent('click', { bubbles: true }));
                return true;
            }, title);
            if (!clicked) errors.push(`no box ${title} to expand`);
            await page.waitForTimeout(1500);
        }
        const seen = await page.evaluate(() => ({
            nodes: document.querySelectorAll('#canvas g.node').length,
            edges: [...document.querySelectorAll('#canvas .edge-label')].map((label) => label.textContent),
            titles: [...document.querySelectorAll('.node-item-type')].map((title) => title.textContent),
        }));
        await page.screenshot({ path: picture });
        process.stdout.write(JSON.stringify({ state, rendered, errors, ...seen }));
    } finally {
        await browser.close();
    }
})();
