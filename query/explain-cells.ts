import type { AnalysisName } from './analysis.ts';
import { behaviorCells } from './explain-behaviour.ts';
import type { CellsOf } from './explain-cell.ts';
import { dashboardCells } from './explain-dashboard.ts';
import { funnelCells } from './explain-funnel.ts';
import { dailyStatsCells, rangeCells, trendCells } from './explain-metrics.ts';
import { itemStatsCells, userActivityCells } from './explain-one.ts';
import { retentionCells } from './explain-retention.ts';
import { scenarioMetricsCells } from './explain-scenario-metrics.ts';
import { distributionCells, eventsCells, hotItemsCells, minutesCells } from './explain-series.ts';

/** What every analysis is made of, cell by cell. */
export const CELLS: Readonly<Record<AnalysisName, CellsOf>> = {
  dashboard: dashboardCells,
  trend: trendCells,
  distribution: distributionCells,
  events: eventsCells,
  funnel: funnelCells,
  retention: retentionCells,
  'hot-items': hotItemsCells,
  'behavior-analysis': behaviorCells,
  'scenario-metrics': scenarioMetricsCells,
  minutes: minutesCells,
  'user-activity': userActivityCells,
  'item-stats': itemStatsCells,
  'daily-stats': dailyStatsCells,
  range: rangeCells,
};
