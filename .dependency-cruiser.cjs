// One row per folder: what it may import besides itself. Everything else is an error.
const may = {
  domain: [],
  log: ['domain'],
  'schema-registry': ['domain', 'log'],
  ingress: ['domain', 'log', 'schema-registry'],
  projections: ['domain', 'log', 'schema-registry'],
  query: ['domain', 'log', 'schema-registry', 'projections'],
  ops: ['domain', 'log', 'schema-registry', 'ingress', 'projections', 'query', 'sdk'],
  sdk: ['domain'],
};
const folders = Object.keys(may);
const notATest = '\\.(test|contract)\\.ts$';

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true } },
    ...folders.map((folder) => ({
      name: `${folder}-arrows`,
      comment: `${folder}/ may import ${may[folder].join(', ') || 'no other folder'}`,
      severity: 'error',
      from: { path: `^${folder}/`, pathNot: notATest },
      to: {
        path: `^(${folders.filter((other) => other !== folder && !may[folder].includes(other)).join('|')}|test|bench|main\\.ts|platform\\.ts|worker\\.ts)(/|$)`,
      },
    })),
    {
      name: 'folders-meet-at-their-index',
      severity: 'error',
      from: { path: `^(${folders.join('|')})/`, pathNot: notATest },
      to: { path: `^(${folders.join('|')})/`, pathNot: [`^$1/`, `^(${folders.join('|')})/index\\.ts$`] },
    },
    {
      name: 'adapters-are-chosen-at-the-root',
      comment:
        'An adapter is imported by main.ts, platform.ts, read-models.ts, worker.ts and tests only; its own folder sees the port.',
      severity: 'error',
      from: {
        path: `^(${folders.join('|')})/`,
        pathNot: [notATest, '/(lmdb|chdb)[^/]*\\.ts$', '/(lmdb|chdb)/'],
      },
      to: { path: '/(lmdb|chdb|kafka|redis|mongodb|clickhouse|eventstoredb)-[^/]*\\.ts$' },
    },
    {
      name: 'domain-is-pure',
      severity: 'error',
      from: { path: '^domain/', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypesNot: ['local', 'type-only'], path: '.', pathNot: '^domain/' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
