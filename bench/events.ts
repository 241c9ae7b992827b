import type { JsonObject } from '#domain';

const ACTIONS = ['impression', 'impression', 'impression', 'click', 'view', 'add_cart', 'order', 'payment'];
/** What an action says, so that a good event is measured and not its warnings. */
const NEEDED: Readonly<Record<string, JsonObject>> = {
  view: { stay_duration: 12 },
  add_cart: { quantity: 1 },
  order: { order_id: 'o1', quantity: 1, total_amount: 299 },
  payment: { order_id: 'o1', payment_amount: 299, payment_method: 'card' },
};
const SYSTEMS = ['iOS', 'Android', 'Windows'];
const PEOPLE = 20_000;

/** A behaviour as a shop sends it. */
export type SentEvent = {
  readonly event_id: string;
  readonly tenant_id: string;
  readonly scenario_id: string;
  readonly user_id: string;
  readonly item_id: string;
  readonly action_type: string;
  readonly timestamp: number;
  readonly context: { readonly device_type: string; readonly os: string; readonly location: string };
  readonly position: number;
  readonly scenario_data: {
    readonly ecommerce_data: {
      readonly price: number;
      readonly currency: string;
      readonly brand: string;
      readonly sku_id: string;
    } & JsonObject;
  };
};

/** A number that looks random for every n, another one for every salt. */
function mixed(n: number, salt: number): number {
  let h = Math.imul(n ^ (salt * 0x9e3779b9), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** The n-th event of a shop, about 360 bytes as its sender writes it: a base envelope with scenario data. */
export function eventOf(tenant: string, n: number, eventId: string): SentEvent {
  const chosen = mixed(n, 3);
  const action = ACTIONS[mixed(n, 2) % ACTIONS.length]!;
  return {
    event_id: `evt_${eventId}`,
    tenant_id: tenant,
    scenario_id: 'shop_home',
    user_id: `user-${mixed(n, 1) % PEOPLE}`,
    item_id: `item-${chosen % 5000}`,
    action_type: action,
    timestamp: 1_730_000_000_000 + (mixed(n, 4) % 2_592_000) * 1000,
    context: { device_type: 'mobile', os: SYSTEMS[chosen % SYSTEMS.length]!, location: 'Beijing' },
    position: 1 + (chosen % 20),
    scenario_data: {
      ecommerce_data: {
        price: (chosen % 4000) / 4,
        currency: 'CNY',
        brand: 'Acme',
        sku_id: `SKU${chosen % 999}`,
        ...NEEDED[action],
      },
    },
  };
}
