import { REBUILD_ROUTES } from '#projections';
import {
  DOCUMENT_PATHS,
  FACT_UPKEEP_API,
  RAW_HISTORY_PATHS,
  RAW_HISTORY_SCHEMAS,
  RECEIPT_ROUTES,
  SQL_PATHS,
  SQL_SCHEMAS,
  describeAsOf,
  describeExplanations,
  describeLiveQuestions,
  describeQueries,
} from '#query';
import { TRACKING_CONFIG_PATHS, TRACKING_CONFIG_SCHEMAS } from '#schema-registry';
import { assembleOpenApi } from './openapi.ts';
import type { ApiFragment, OpenApiDocument } from './openapi.ts';
import { OWN_ROUTES } from './own-routes.ts';

/** The groups of the routes, in the order in which somebody new needs them. */
const GROUPS = [
  { name: 'ingress', description: 'Send events, and check them without keeping them.' },
  { name: 'receipts', description: 'What became of an event.' },
  { name: 'questions', description: 'Figures from the facts, each as of a vector that can be asked again.' },
  { name: 'live', description: 'What is happening now.' },
  {
    name: 'explanations',
    description: 'What a number is made of: users, events, positions, raw bytes, and the recount.',
  },
  { name: 'catalogue', description: 'Items, scenarios and model configs.' },
  { name: 'tracking configs', description: 'What the events of a scenario should carry.' },
  { name: 'log', description: 'The records as they stand in the log, and who has read them.' },
  { name: 'projections', description: 'How far the read models are; rebuild, verify, activate, repair.' },
  { name: 'operations', description: 'Health, settings, and this description.' },
];

/** Describes every route of the platform in OpenAPI 3.1; those of the door, which is open, are handed in. */
export function describeApi(version: string, doors: readonly ApiFragment[]): OpenApiDocument {
  const document = assembleOpenApi(version, [
    ...doors,
    RECEIPT_ROUTES,
    describeQueries(),
    { paths: SQL_PATHS, schemas: SQL_SCHEMAS },
    describeLiveQuestions(),
    describeExplanations(),
    describeAsOf(),
    { paths: DOCUMENT_PATHS, schemas: {} },
    { paths: TRACKING_CONFIG_PATHS, schemas: TRACKING_CONFIG_SCHEMAS },
    { paths: RAW_HISTORY_PATHS, schemas: RAW_HISTORY_SCHEMAS },
    REBUILD_ROUTES,
    FACT_UPKEEP_API,
    OWN_ROUTES,
  ]);
  return { ...document, tags: GROUPS };
}
