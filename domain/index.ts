export { ACTION_FIELDS } from './action-fields.ts';
export type { ActionFields } from './action-fields.ts';
export { ACTIONS, ACTION_ALIASES, ACTION_GROUPS, COMPLETION_ACTIONS, canonicalAction } from './action.ts';
export type { ActionType } from './action.ts';
export {
  MEASURE_SCALES,
  MONEY_ACTIONS,
  foldTallies,
  formatMoney,
  parseMoney,
  roundedQuotient,
  tallied,
  talliedConversions,
} from './action-tally.ts';
export type { ActionTally, Measure } from './action-tally.ts';
export { canonicalJson } from './canonical-json.ts';
export { checkFields, checkValue, fieldChecks } from './check-fields.ts';
export type { FieldChecks, FieldProblem } from './check-fields.ts';
export { checkAction, checkScenarioFields } from './check-scenario.ts';
export type { ScenarioEvent } from './check-scenario.ts';
export {
  ENTRY_KINDS,
  ENTRY_STATUSES,
  decideEntry,
  entryDocument,
  evolveEntry,
  refusalOf,
} from './catalogue-entry.ts';
export type {
  CatalogueEntry,
  EntryCommand,
  EntryDecision,
  EntryEvent,
  EntryKind,
  EntryRefusal,
  EntryRef,
  EntryStatus,
} from './catalogue-entry.ts';
export { DEVICE_TYPES, EVENT_KINDS, actorOf, keyOf } from './event.ts';
export type { DeviceType, Event, EventContext, EventKind, EventWarning, Json, JsonObject } from './event.ts';
export {
  ANY_EVENT,
  EVENT_COLUMNS,
  FILTER_OPERATORS,
  OPPOSITES,
  attributeOf,
  attributeText,
  byActor,
  compareText,
  inOrder,
  matches,
  selects,
} from './event-filter.ts';
export type {
  Attribute,
  EventColumn,
  EventFilter,
  EventSelection,
  FilterOperator,
  FilterScalar,
  LoggedEvent,
} from './event-filter.ts';
export { decideExpiry } from './facts-horizon.ts';
export type { FactsExpired } from './facts-horizon.ts';
export { FAULTS, Fault } from './fault.ts';
export type { FaultCode } from './fault.ts';
export { FIELD_ALIASES, aliasOf, spellingsOf } from './field-aliases.ts';
export type { FieldAlias } from './field-aliases.ts';
export { decideGenerations } from './decide-generations.ts';
export type { GenerationCommand, GenerationDecision, GenerationRefusal } from './decide-generations.ts';
export {
  NO_GENERATIONS,
  candidateOf,
  evolveGenerations,
  generationOf,
  isMeant,
  isUnfinished,
  keptGenerations,
  previousOf,
} from './generations.ts';
export type {
  Acting,
  Generation,
  GenerationComparison,
  GenerationDifference,
  GenerationEvent,
  TenantGenerations,
  Rebuild,
  RebuildScope,
  RebuildStage,
  Verification,
} from './generations.ts';
export { FIELD_TYPES } from './field-definition.ts';
export type { FieldDefinition, FieldType, ScenarioTemplate } from './field-definition.ts';
export { DATETIME_PATTERN, whyNotValue } from './field-value.ts';
export { FUNNEL_ORDERS, countFunnel, foldFunnel, funnelSteps, furthestAttempt } from './funnel.ts';
export type { Done, FunnelCounts, FunnelOrder, FunnelQuestion, FunnelRule, FunnelStep } from './funnel.ts';
export { lintTrackingConfig } from './lint-tracking-config.ts';
export { HOT_HALF_LIFE_MS, HOT_WEIGHTS, hotScore } from './hotness.ts';
export type { HotMinute } from './hotness.ts';
export { CATEGORY_NAMES, INTEREST_POINTS, categoryOf } from './interest.ts';
export {
  ITEM_DELETED_NAMES,
  ITEM_REPLACED_NAMES,
  addToItem,
  createItem,
  isAboutItem,
  itemDocument,
  itemOf,
} from './item.ts';
export type { Item, ItemDocument } from './item.ts';
export { METRICS, distinct, foldMetrics, isConversion, metricOf, percent } from './metrics.ts';
export type { Metric, MetricCounts } from './metrics.ts';
export { ENVELOPE_MEMBERS, kindOf, normalise } from './normalise.ts';
export type { Normalised, Normalising, Stamps } from './normalise.ts';
export { eventTime } from './normalise-time.ts';
export type { EventTime, EventTimeCode } from './normalise-time.ts';
export { parseTrackingConfig } from './parse-tracking-config.ts';
export type { ParsedTrackingConfig } from './parse-tracking-config.ts';
export { murmur2, partitionOf } from './partition.ts';
export { behind, comparePositions, covers, formatPosition, isBefore, parsePosition } from './position.ts';
export type { Position, PositionVector } from './position.ts';
export {
  ALL_SCENARIOS,
  activeHours,
  addToProfile,
  createProfile,
  favoriteCategories,
  profileScopes,
  profileStepOf,
  watchCount,
} from './profile.ts';
export type { Profile, ProfileStep } from './profile.ts';
export { profileDocument, profileOf } from './profile-document.ts';
export type { ProfileDocument } from './profile-document.ts';
export {
  RETENTION_COHORTS,
  RETENTION_MODES,
  RETENTION_PERIODS,
  cohortsOf,
  foldRetention,
  isBack,
  retentionCohorts,
} from './retention.ts';
export type { CohortCounts, RetentionCohort, RetentionQuestion } from './retention.ts';
export {
  CONVERSION_ACTIONS,
  DEFAULT_CONVERSION_ACTION,
  SCENARIO_TYPES,
  SCENARIO_TYPE_ALIASES,
  scenarioBranch,
  scenarioTypeOfBranch,
} from './scenario.ts';
export type { ScenarioType } from './scenario.ts';
export { SCENARIO_FIELDS } from './scenario-fields.ts';
export type { ScenarioFields } from './scenario-field.ts';
export { SCENARIO_TEMPLATES } from './scenario-templates.ts';
export { RECOMMENDED_ACTIONS } from './scenario-actions.ts';
export {
  MONEY_METRICS,
  SCENARIO_METRICS,
  countsOf,
  figureOf,
  figureOfCounts,
  formulaOf,
  moneyFigureOf,
  moneyFigureOfCounts,
} from './scenario-metrics.ts';
export type {
  Count,
  Figure,
  FigureCounts,
  MoneyFigure,
  MoneyMetric,
  ScenarioMetric,
} from './scenario-metrics.ts';
export type { Stamp } from './stamp.ts';
export { findingsIn, outlineJson } from './strict-json.ts';
export type { JsonFinding, JsonFindingCode, JsonLimits, JsonOutline, JsonSpan } from './strict-json.ts';
export { parseTenantId } from './tenant-id.ts';
export type { TenantId } from './tenant-id.ts';
export { decideTenant, evolveTenant } from './tenant.ts';
export type { CreateTenant, Tenant, TenantCreated } from './tenant.ts';
export {
  INTERVALS,
  UTC,
  bucketEdges,
  bucketOf,
  formatDate,
  formatInstant,
  parseInstant,
  parseZone,
} from './time-buckets.ts';
export type { Interval, Zone } from './time-buckets.ts';
export { formatAsOf, formatReceipt, parseAsOf, parseReceipt } from './token.ts';
export type { AsOfToken, ReceiptToken } from './token.ts';
export { definitionOfTemplate } from './tracking-config-definition.ts';
export type { DefinitionFinding, TrackingConfigDefinition } from './tracking-config-definition.ts';
export { decideTrackingConfig, evolveTrackingConfig } from './tracking-config.ts';
export type {
  TrackingConfig,
  TrackingConfigCommand,
  TrackingConfigDecision,
  TrackingConfigEvent,
  TrackingConfigRefusal,
} from './tracking-config.ts';
