import { announcedWrites } from '#log';

/** Announces a durable write of a read model on `daybook:projections:writing` and `daybook:projections:written`. */
export const announced = announcedWrites('projections');
