export { SendError, createClient } from './client.ts';
export type { Client, ClientOptions, TrackResult } from './client.ts';
