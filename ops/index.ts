export { announceStart } from './announce.ts';
export type { Started } from './announce.ts';
export { describeApi } from './api-description.ts';
export { createApi } from './api.ts';
export type { ApiOptions } from './api.ts';
export { describeConfig, flagOf, parseConfig } from './config.ts';
export type { Config, ConfigResult, ConfigSources } from './config.ts';
export {
  DEMO_TENANT,
  compareLedger,
  demoScenarios,
  keepLedger,
  liveTraffic,
  load,
  makeMonth,
  parseLedger,
  tourOf,
} from './demo/index.ts';
export type { Answered, Ask, Compared, DemoLedger, Month } from './demo/index.ts';
export { FAULT_STATUS, statusOf } from './fault-status.ts';
export type { FaultBody } from './fault-status.ts';
export { openHttpServer } from './http-server.ts';
export type { HttpRoutes, HttpServer, HttpServerOptions } from './http-server.ts';
export { createFaultLog, createLogger, logAnnouncements } from './logging.ts';
export type { Logger, LoggerOptions } from './logging.ts';
export { assembleOpenApi } from './openapi.ts';
export type { ApiFragment, OpenApiDocument } from './openapi.ts';
export { OWN_ROUTES } from './own-routes.ts';
export { Readiness } from './readiness.ts';
export type { ReadinessPart } from './readiness.ts';
export { createShutdown, stopOnSignals } from './shutdown.ts';
export type { Shutdown, ShutdownOptions, ShutdownStep } from './shutdown.ts';
export { SETTINGS } from './settings.ts';
export type { LogLevel, Setting, SettingKey } from './settings.ts';
