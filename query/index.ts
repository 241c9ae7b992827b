export { ANALYSES } from './analysis.ts';
export type { AnalysisName } from './analysis.ts';
export { DOCUMENT_PATHS } from './document-openapi.ts';
export type { DocumentMeta } from './document-meta.ts';
export { createDocumentQuestions } from './documents.ts';
export type { DocumentQuestions, DocumentsOptions } from './documents.ts';
export { createSqlQuestions } from './free-sql-question.ts';
export type { SqlAnswer, SqlQuestion, SqlQuestions, SqlQuestionsOptions } from './free-sql-question.ts';
export { LOG_TAIL_PATHS, LOG_TAIL_SCHEMAS, createLogTailRouter } from './http-log-tail.ts';
export type { LogTailOptions } from './http-log-tail.ts';
export { createDocumentRouter } from './http-documents.ts';
export { createQueryRouter } from './http-query.ts';
export { SQL_PATHS, SQL_SCHEMAS, createSqlRouter } from './http-sql.ts';
export type { Meta } from './meta.ts';
export { describeQueries } from './openapi.ts';
export type { QueryDescription } from './openapi.ts';
export { createQueries } from './queries.ts';
export type { Answer, Queries, QueriesOptions } from './queries.ts';
export { createLiveRouter } from './http-live.ts';
export type { LiveMeta } from './live-meta.ts';
export { describeLiveQuestions } from './live-openapi.ts';
export { createLiveQuestions } from './live-questions.ts';
export type { LiveAnswer, LiveQuestions, LiveQuestionsOptions } from './live-questions.ts';
export {
  RECONCILIATION_PATHS,
  RECONCILIATION_SCHEMAS,
  createReconciliationRouter,
} from './http-reconciliation.ts';
export { REPAIR_PATHS, REPAIR_SCHEMAS, createRepairRouter } from './http-repair.ts';
export { openReconciliation } from './reconciliation.ts';
export type { GatewayCounts, Reconciliation, ReconciliationOptions } from './reconciliation.ts';
