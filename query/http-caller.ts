import type { Response } from 'express';

/** Works out an answer with a signal that aborts when the caller goes away before it. */
export async function forCaller<Answer>(
  res: Response,
  answer: (signal: AbortSignal) => Answer | Promise<Answer>,
): Promise<Answer> {
  const gone = new AbortController();
  const leave = (): void => {
    if (!res.writableEnded) gone.abort();
  };
  res.on('close', leave);
  try {
    return await answer(gone.signal);
  } finally {
    res.off('close', leave);
  }
}
