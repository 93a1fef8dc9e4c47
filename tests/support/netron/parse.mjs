// What Netron itself reads from a model, as JSON on standard output.
// usage: node parse.mjs SOURCES MODEL, where SOURCES holds netron's own .js files and a package.json of type "module"
import * as fs from 'fs/promises';
import * as path from 'path';
import { pathToFileURL } from 'url';

const [sources, file] = process.argv.slice(2);
const load = (name) => import(pathToFileURL(path.resolve(sources, name)).href);
const node = await load('node.js');
const view = await load('view.js');

const errors = [];
const host = {
    window: globalThis,
    document: {},
    environment: () => null,
    event: () => {},
    exception: (error) => errors.push(error.message),
    require: (name) => load(`${name}.js`),
    async fetch(name, encoding, folder) {
        const location = path.join(folder ?? sources, name);
        const { size, mtimeMs } = await fs.stat(location);
        return encoding ? fs.readFile(location, encoding) : new node.FileStream(location, 0, size, mtimeMs);
    },
};
const context = {
    identifier: path.basename(file),
    stream: await host.fetch(path.basename(file), null, path.dirname(file)),
    entries: new Map(),
    asset: (name) => host.fetch(name, 'utf-8', sources),
    fetch: (name, encoding) => host.fetch(name, encoding, path.dirname(file)),
    require: host.require,
    error: host.exception,
};

const entries = (list) => Object.fromEntries((list ?? []).map((entry) => [entry.name, entry.value]));
const value = ({ name, type, initializer }) => ({ name, type: type ? type.toString() : null, weight: Boolean(initializer) });
const argument = ({ name, value: values }) => ({ name, values: values.map(value) });
const attribute = ({ name, type, value: content }) => [
    name,
    type === 'graph' ? graph(content) : JSON.parse(JSON.stringify(content, (_, x) => (typeof x === 'bigint' ? Number(x) : x)) ?? 'null'),
];
const operation = (item) => ({
    name: item.name,
    type: item.type.name,
    domain: item.type.module,
    category: item.type.category ?? null,
    inputs: item.inputs.map(argument),
    outputs: item.outputs.map(argument),
    attributes: Object.fromEntries(item.attributes.map(attribute)),
    metadata: entries(item.metadata),
});
const graph = (target) => ({
    name: target.name,
    inputs: target.inputs.map(argument),
    outputs: target.outputs.map(argument),
    nodes: target.nodes.map(operation),
});

const model = await new view.ModelFactoryService(host).open(context);
const result = { format: model.format, producer: model.producer, metadata: entries(model.metadata), graphs: model.modules.map(graph), errors };
process.stdout.write(JSON.stringify(result));
