/**
 * The engine of the facts and the log share libuv's threads; with its default of 4 a durable commit waits
 * for running questions. libuv reads the variable once, when its pool is first used, so this module must be
 * the first import of the process.
 */
process.env['UV_THREADPOOL_SIZE'] ??= '32';
