/**
 * What ingest is measured against: plain `node:http` that parses and validates with the product's own
 * schemas, answers as briefly as HTTP lets it, and keeps nothing. Prints its port.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createSchemaRegistry } from '#schema-registry';

const { validate } = createSchemaRegistry().envelope('behaviour');

const server = createServer((req, res) => {
  const chunks: Buffer[] = [];
  req.on('data', (chunk: Buffer) => chunks.push(chunk));
  req.on('end', () => {
    const body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as {
      readonly events?: readonly unknown[];
    };
    const valid = (body.events ?? [body]).every((event) => validate(event) === undefined);
    const answer = valid ? '{"success":true}' : '{"success":false}';
    res.writeHead(valid ? 200 : 400, { 'content-type': 'application/json', 'content-length': answer.length });
    res.end(answer);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
  console.log((server.address() as AddressInfo).port);
});
