import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ScenarioTemplate } from '#domain';
import { assembleOpenApi, createApi } from '#ops';
import { TRACKING_CONFIG_PATHS, TRACKING_CONFIG_SCHEMAS, createTrackingConfigRouter } from '#schema-registry';
import { openDoor } from './door.ts';
import type { Door } from './door.ts';

/** The ingest routes and those of the tracking configs at one address. */
export type ConfigDoor = AsyncDisposable & { readonly door: Door; readonly address: string };

export async function openConfigDoor(templates: readonly ScenarioTemplate[]): Promise<ConfigDoor> {
  const door = await openDoor();
  const api = createApi({
    routers: [createTrackingConfigRouter({ configs: door.configs, templates })],
    document: assembleOpenApi('1', [{ paths: TRACKING_CONFIG_PATHS, schemas: TRACKING_CONFIG_SCHEMAS }]),
    config: {},
    requestIdOf: () => 'r1',
    onFault: () => undefined,
  });
  const server = createServer((req, res) => {
    if (!door.http.handle(req, res)) api(req, res);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    door,
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
      await door[Symbol.asyncDispose]();
    },
  };
}
