import { Router } from 'express';
import { tenantOf } from './http-query.ts';
import type { Receipts } from './receipts.ts';

/** Serves `GET /api/v1/receipts/{event_id}`. Faults are passed to the next error handler. */
export function createReceiptRouter(receipts: Receipts): Router {
  const router = Router();
  router.get('/api/v1/receipts/:sent', async (req, res) => {
    const tenant = tenantOf(req.query['tenant_id'], req.get('x-tenant-id'));
    res.setHeader('Cache-Control', 'no-store');
    res.json(await receipts.ask(tenant, req.params.sent));
  });
  return router;
}
