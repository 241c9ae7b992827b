export { ACTIONS, ACTION_ALIASES, ACTION_GROUPS, COMPLETION_ACTIONS, canonicalAction } from './action.ts';
export type { ActionType } from './action.ts';
export { canonicalJson } from './canonical-json.ts';
export { DEVICE_TYPES, EVENT_KINDS, actorOf } from './event.ts';
export type { DeviceType, Event, EventContext, EventKind, EventWarning, Json, JsonObject } from './event.ts';
export { FAULTS, Fault } from './fault.ts';
export type { FaultCode } from './fault.ts';
export { murmur2, partitionOf } from './partition.ts';
export { behind, covers, isBefore } from './position.ts';
export type { Position, PositionVector } from './position.ts';
export {
  CONVERSION_ACTIONS,
  DEFAULT_CONVERSION_ACTION,
  SCENARIO_TYPES,
  SCENARIO_TYPE_ALIASES,
  scenarioBranch,
  scenarioTypeOfBranch,
} from './scenario.ts';
export type { ScenarioType } from './scenario.ts';
export { parseTenantId } from './tenant-id.ts';
export type { TenantId } from './tenant-id.ts';
export { decideTenant, evolveTenant } from './tenant.ts';
export type { CreateTenant, Tenant, TenantCreated } from './tenant.ts';
export { formatAsOf, formatReceipt, parseAsOf, parseReceipt } from './token.ts';
export type { AsOfToken, ReceiptToken } from './token.ts';
