export type { Counts } from './counters.ts';
export type { DeadLetter } from './dead-letter.ts';
export type { Input, Sender } from './examine.ts';
export { createHttpIngress } from './http-ingress.ts';
export type { HttpIngress, HttpIngressOptions } from './http-ingress.ts';
export { createIngress } from './ingress.ts';
export type { Checked, Ingress, IngressOptions } from './ingress.ts';
export type { EventOutcome, Receipt } from './outcome.ts';
export type { LookUpPlace, Place } from './place.ts';
