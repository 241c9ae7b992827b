import type { ActionType } from './action.ts';
import type { ScenarioType } from './scenario.ts';

/** A JSON value as it arrives and as it is kept. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export type JsonObject = { readonly [member: string]: Json };

/** The four kinds of event. A name is unique within its kind. */
export const EVENT_KINDS = ['behaviour', 'generic', 'user', 'catalog'] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

export const DEVICE_TYPES = ['mobile', 'pc', 'tablet'] as const;
export type DeviceType = (typeof DEVICE_TYPES)[number];

/** Where the sender was. `ip` is kept as sent in the log; facts get the masked form. */
export type EventContext = {
  readonly device_type?: DeviceType;
  readonly os?: string;
  readonly location?: string;
  readonly ip?: string;
};

/** What an event is accepted with although it is not as it should be. */
export type EventWarning = { readonly field: string; readonly code: string; readonly message: string };

/**
 * One event in the documented form in which the log keeps it: the sender's members, normalised, and the
 * stamps of the ingress. The value of a record is this object as one JSON line, so any consumer of a
 * tenant's topic can read it.
 *
 * Times are epoch milliseconds; durations seconds; rates fractions from 0 to 1.
 */
export type Event = {
  /** Unique per tenant; at most 255 bytes. */
  readonly event_id: string;
  readonly tenant_id: string;
  readonly kind: EventKind;
  /** For behaviours the action. */
  readonly event_name: string;
  readonly action_type?: ActionType;
  readonly scenario_id?: string;
  readonly scenario_type?: ScenarioType;
  readonly user_id?: string;
  readonly device_id?: string;
  readonly session_id?: string;
  readonly item_id?: string;
  /** When it happened, by the sender's word. */
  readonly timestamp: number;
  readonly platform?: string;
  readonly context?: EventContext;
  readonly country?: string;
  readonly region?: string;
  readonly city?: string;
  readonly device_model?: string;
  readonly os_version?: string;
  readonly app_version?: string;
  readonly page_url?: string;
  readonly page_title?: string;
  readonly product?: string;
  readonly experiment_id?: string;
  readonly experiment_group?: string;
  /** Slot in the recommendation list, from 1. */
  readonly position?: number;
  readonly scenario_data?: JsonObject;
  readonly extra_data?: JsonObject;
  /** Attributes of generic events; the members of `data` of a module event are merged in here. */
  readonly properties?: JsonObject;
  /** Normalised seconds consumed (S9-04). */
  readonly watch_duration?: number;
  /** Normalised share completed, 0 to 1 (S9-04). */
  readonly completion_rate?: number;
  /** Money of an order, payment or purchase, in the sender's currency. */
  readonly amount?: number;
  readonly currency?: string;
  // Stamps of the ingress.
  /** When the ingress received it. */
  readonly server_time: number;
  /** The sender's network, masked to /24 or /48. */
  readonly ip_prefix?: string;
  /** 1 = valid (perhaps with warnings); 0 only in dead letters. */
  readonly valid_status: 0 | 1;
  readonly warnings?: readonly EventWarning[];
  /** The schema that validated it, e.g. `envelope.behaviour`. */
  readonly schema: string;
  readonly schema_version: number;
};

/** Who an event is about: the user, else the device, else the session. The measure `users` counts these. */
export function actorOf(event: Pick<Event, 'user_id' | 'device_id' | 'session_id'>): string {
  return event.user_id ?? event.device_id ?? event.session_id ?? '';
}

/**
 * What chooses the partition, so that all events of one actor stand in one order; a catalogue entry that
 * nobody is said to have changed stands in the order of its item.
 */
export function keyOf(event: Pick<Event, 'user_id' | 'device_id' | 'session_id' | 'item_id'>): string {
  return actorOf(event) || (event.item_id ?? '');
}
