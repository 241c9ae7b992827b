export { ANALYSES } from './analysis.ts';
export type { AnalysisName } from './analysis.ts';
export { createQueryRouter } from './http-query.ts';
export type { Meta } from './meta.ts';
export { describeQueries } from './openapi.ts';
export type { QueryDescription } from './openapi.ts';
export { createQueries } from './queries.ts';
export type { Answer, Queries, QueriesOptions } from './queries.ts';
