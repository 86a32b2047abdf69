// Reads messages by name and DNS records from a file; prints what mailauth says of each signature.
'use strict';

const { readFileSync } = require('node:fs');
const { dkimVerify } = require('mailauth/lib/dkim/verify');

const given = JSON.parse(readFileSync(process.argv[2]));

const resolver = async (name, type) => {
    if (type === 'TXT' && given.records[name]) {
        return [[given.records[name]]];
    }
    throw Object.assign(new Error('not found'), { code: 'ENOTFOUND' });
};

const main = async () => {
    const found = {};
    for (const [name, message] of Object.entries(given.messages)) {
        const { results } = await dkimVerify(Buffer.from(message, 'base64'), { resolver });
        found[name] = results.map(({ selector, status }) => `${selector} ${status.result}`);
    }
    process.stdout.write(JSON.stringify(found));
};

main();
