export { ANALYSES } from './analysis.ts';
export type { AnalysisName } from './analysis.ts';
export { DOCUMENT_PATHS } from './document-openapi.ts';
export type { DocumentMeta } from './document-meta.ts';
export { createDocumentQuestions } from './documents.ts';
export type { DocumentQuestions, DocumentsOptions } from './documents.ts';
export { createSqlQuestions } from './free-sql-question.ts';
export type { SqlAnswer, SqlQuestion, SqlQuestions, SqlQuestionsOptions } from './free-sql-question.ts';
export { createAuditRouter } from './http-audit.ts';
export { createRawHistoryRouter, readerOf } from './http-raw-history.ts';
export type { RawHistoryRouterOptions } from './http-raw-history.ts';
export { createRawHistory } from './raw-history.ts';
export type { AuditedRecords, HistoryAsker } from './audited-records.ts';
export type { HistoryLines, RawHistory, RawHistoryOptions } from './raw-history.ts';
export { RAW_HISTORY_PATHS, RAW_HISTORY_SCHEMAS } from './raw-openapi.ts';
export type { RecordPlace, Tail } from './raw-places.ts';
export { showRecord } from './raw-record.ts';
export type { RecordForm, Shown } from './raw-record.ts';
export { createDocumentRouter } from './http-documents.ts';
export { createQueryRouter } from './http-query.ts';
export { SQL_PATHS, SQL_SCHEMAS, createSqlRouter } from './http-sql.ts';
export type { Meta } from './meta.ts';
export type { Explanation, ExplanationsOptions } from './explain.ts';
export { describeExplanations } from './explain-openapi.ts';
export { createExplainRouter } from './http-explain.ts';
export { describeQueries } from './openapi.ts';
export type { QueryDescription } from './openapi.ts';
export { createQueries } from './queries.ts';
export type { Answer, Queries, QueriesOptions } from './queries.ts';
export { createLiveRouter } from './http-live.ts';
export type { LiveMeta } from './live-meta.ts';
export { describeLiveQuestions } from './live-openapi.ts';
export { createLiveQuestions } from './live-questions.ts';
export type { LiveAnswer, LiveQuestions, LiveQuestionsOptions } from './live-questions.ts';
export { createAsOfRouter } from './http-as-of.ts';
export { describeAsOf } from './openapi-as-of.ts';
export { createReceiptRouter } from './http-receipts.ts';
export { RECEIPT_ROUTES } from './receipt-openapi.ts';
export { createReceipts } from './receipts.ts';
export type {
  AcceptedFate,
  HeldBy,
  Place,
  ReceiptAnswer,
  RefusedFate,
  UnknownFate,
} from './receipt-answer.ts';
export type { FollowedProjection, FollowedState, Receipts, ReceiptsOptions } from './receipts.ts';
export { FACT_UPKEEP_API, createReconciliationRouter } from './http-reconciliation.ts';
export { createRepairRouter } from './http-repair.ts';
export { openReconciliation } from './reconciliation.ts';
export type { GatewayCounts, Reconciliation, ReconciliationOptions } from './reconciliation.ts';
