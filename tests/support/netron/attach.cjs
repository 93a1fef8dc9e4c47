// What Netron's panel says of a node once an attachment is laid over its model.
// usage: node attach.cjs URL MODEL ATTACHMENT PICTURE.png NODE; URL is of a Netron without a file, NODE a title on the canvas.
const { chromium } = require('playwright-core');

const [url, model, attachment, picture, title] = process.argv.slice(2);

(async () => {
    const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || '/usr/bin/chromium', args: ['--no-sandbox'] });
    try {
        const context = await browser.newContext({ viewport: { width: 1200, height: 1000 } });
        await context.addCookies([{ name: 'consent', value: String(Date.now()), url }]); // no dialog about cookies
        const home = new URL(url).hostname;
        await context.route('**/*', (route) => (new URL(route.request().url()).hostname === home ? route.continue() : route.abort()));
        // Netron takes eval away, which evaluate needs.
        await context.addInitScript(() => {
            const kept = window.eval;
            Object.defineProperty(window, 'eval', { get: () => kept, set() {} });
        });
        const page = await context.newPage();
        if (process.env.NETRON_DATE) await page.clock.setSystemTime(new Date(process.env.NETRON_DATE));
        await page.goto(url);
        await page.waitForSelector('body.welcome', { timeout: 60000 });
        await page.setInputFiles('#open-file-dialog', model);
        await page.waitForSelector('body.default', { timeout: 60000 });
        await page.setInputFiles('#open-file-dialog', attachment);
        await page.locator('.node-item', { hasText: title }).first().click();
        await page.waitForSelector('#sidebar-content:visible', { timeout: 30000 });
        await page.waitForTimeout(1000);
        // A value stands in a field, which is no text of the page.
        const said = await page.locator('#sidebar-content').evaluate((panel) => {
            const fields = [...panel.querySelectorAll('input')].map((field) => field.value);
            return `${panel.innerText}\n${fields.join('\n')}`;
        });
        await page.screenshot({ path: picture });
        process.stdout.write(JSON.stringify({ said }));
    } finally {
        await browser.close();
    }
})();
