/** One setting of the platform, as documented, parsed and printed. */
export type Setting = {
  readonly name: `DAYBOOK_${string}`;
  readonly type: 'text' | 'path' | 'host' | 'port' | 'integer' | 'choice';
  /** What a number counts; empty for the rest. */
  readonly unit: string;
  readonly default: string | number;
  /** For numbers: both inclusive. */
  readonly min?: number;
  readonly max?: number;
  readonly choices?: readonly string[];
  /** One sentence for the reader of `docs/config.md`, `--help` and `GET /config`. */
  readonly about: string;
  /** A secret is never printed. */
  readonly secret: boolean;
};

/** The levels a log line may have, and `silent` for none. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/**
 * Every setting, once. A setting is given as an environment variable, as the member of the same name of the
 * file named by `--config`, or as a flag (`DAYBOOK_HTTP_PORT` is `--http-port`).
 */
export const SETTINGS = {
  dataDir: {
    name: 'DAYBOOK_DATA_DIR',
    type: 'path',
    unit: '',
    default: './data',
    about: 'Directory that holds the log, the control plane and the facts; one process at a time.',
    secret: false,
  },
  host: {
    name: 'DAYBOOK_HOST',
    type: 'host',
    unit: '',
    default: '127.0.0.1',
    about: 'Address to listen on; only loopback addresses are taken while there is no authentication.',
    secret: false,
  },
  httpPort: {
    name: 'DAYBOOK_HTTP_PORT',
    type: 'port',
    unit: '',
    default: 8080,
    about: 'Port of the HTTP API; 0 takes any free port.',
    secret: false,
  },
  grpcPort: {
    name: 'DAYBOOK_GRPC_PORT',
    type: 'port',
    unit: '',
    default: 9003,
    about: 'Reserved for the gRPC API, which is not served yet; nothing listens on it.',
    secret: false,
  },
  logLevel: {
    name: 'DAYBOOK_LOG_LEVEL',
    type: 'choice',
    unit: '',
    default: 'info',
    choices: LOG_LEVELS,
    about: 'Least level that is logged; accepted requests are logged at debug, rejected ones at warn.',
    secret: false,
  },
  logPartitions: {
    name: 'DAYBOOK_LOG_PARTITIONS',
    type: 'integer',
    unit: 'partitions',
    default: 4,
    min: 1,
    max: 24,
    about: 'Partitions of the log of a tenant created from now on; a tenant keeps its number for ever.',
    secret: false,
  },
  factsRetentionDays: {
    name: 'DAYBOOK_FACTS_RETENTION_DAYS',
    type: 'integer',
    unit: 'days',
    default: 0,
    min: 0,
    max: 36_500,
    about:
      'How far back facts are wanted, 0 for ever; months wholly before that are let go, and the log keeps their events. Sets the default of DAYBOOK_INGRESS_MAX_AGE_DAYS.',
    secret: false,
  },
  ingressMaxAgeDays: {
    name: 'DAYBOOK_INGRESS_MAX_AGE_DAYS',
    type: 'integer',
    unit: 'days',
    default: 0,
    min: 0,
    max: 36_500,
    about:
      'Events that happened longer ago are kept as dead letters, 0 for any age; without it DAYBOOK_FACTS_RETENTION_DAYS holds.',
    secret: false,
  },
  ingressMaxBodyBytes: {
    name: 'DAYBOOK_INGRESS_MAX_BODY_BYTES',
    type: 'integer',
    unit: 'bytes',
    default: 10_485_760,
    min: 1_024,
    max: 268_435_456,
    about: 'Largest body of an ingest request, after decompression; one event may have 1 MiB of it.',
    secret: false,
  },
  geoDatabase: {
    name: 'DAYBOOK_GEO_DATABASE',
    type: 'text',
    unit: '',
    default: '',
    about: 'Path of an MMDB file for the place of an address; empty takes the country data that comes along.',
    secret: false,
  },
  queryMaxSeconds: {
    name: 'DAYBOOK_QUERY_MAX_SECONDS',
    type: 'integer',
    unit: 'seconds',
    default: 30,
    min: 1,
    max: 3_600,
    about: 'Longest time one question may take in the engine.',
    secret: false,
  },
  queryMaxMemoryBytes: {
    name: 'DAYBOOK_QUERY_MAX_MEMORY_BYTES',
    type: 'integer',
    unit: 'bytes',
    default: 2_147_483_648,
    min: 67_108_864,
    max: 1_099_511_627_776,
    about: 'Most memory one question may take in the engine.',
    secret: false,
  },
  queryConcurrency: {
    name: 'DAYBOOK_QUERY_CONCURRENCY',
    type: 'integer',
    unit: 'questions',
    default: 0,
    min: 0,
    max: 64,
    about: 'Questions the engine answers at the same time, more wait; 0 for as many as there are cores.',
    secret: false,
  },
  sqlMaxRows: {
    name: 'DAYBOOK_SQL_MAX_ROWS',
    type: 'integer',
    unit: 'rows',
    default: 10_000,
    min: 1,
    max: 1_000_000,
    about: 'Most rows one free SQL question answers; what is beyond is left out and said so.',
    secret: false,
  },
  shutdownSeconds: {
    name: 'DAYBOOK_SHUTDOWN_SECONDS',
    type: 'integer',
    unit: 'seconds',
    default: 20,
    min: 1,
    max: 600,
    about: 'Longest time an orderly stop may take before the process ends anyway.',
    secret: false,
  },
} as const satisfies Record<string, Setting>;

export type SettingKey = keyof typeof SETTINGS;
