import type { ProjectionCommand, ProjectionDocument } from '#projections';
import { askPlatform } from './client.ts';
import type { Surroundings } from './output.ts';
import { commandFor, listText, showText } from './projection-words.ts';
import { followRebuild } from './rebuild-progress.ts';

/** What every command about projections is told. */
export type AboutProjections = {
  readonly url: string;
  readonly tenant: string;
  /** The whole answer as JSON. */
  readonly json: boolean;
};

/** A command that changes something. */
export type ProjectionChange = AboutProjections & {
  readonly projection: string;
  readonly command: ProjectionCommand;
  /** Members of the body besides the tenant. */
  readonly members: Readonly<Record<string, unknown>>;
  /** Who asks. */
  readonly actor: string | undefined;
  /** Whether to stay until what was begun is over. */
  readonly wait: boolean;
};

/** How a command ends: 0 done, 1 failed or cancelled, 3 differences must be accepted, 4 it goes on unwatched. */
export type ProjectionExit = 0 | 1 | 3 | 4;

/** Prints every projection of a tenant. */
export async function runProjectionList(about: AboutProjections, around: Surroundings): Promise<void> {
  const response = await askPlatform({ url: about.url, path: pathOf(about.tenant) }, around);
  const answer = (await response.json()) as { readonly projections: readonly ProjectionDocument[] };
  around.out(about.json ? `${JSON.stringify(answer)}\n` : listText(answer.projections));
}

/** Prints one projection, its rebuild, and what differs. */
export async function runProjectionShow(
  about: AboutProjections & { readonly projection: string },
  around: Surroundings,
): Promise<void> {
  print(await show(about, around), about, around);
}

/** Changes something about a projection, stays until it is over if asked to, and prints how it stands then. */
export async function runProjectionChange(
  change: ProjectionChange,
  around: Surroundings,
): Promise<ProjectionExit> {
  const { url, tenant, projection, command, members, actor, wait } = change;
  const response = await askPlatform(
    {
      url,
      path: `/api/v1/projections/${encodeURIComponent(projection)}/${command}`,
      method: 'POST',
      body: { tenant_id: tenant, ...members },
      actor,
    },
    around,
  );
  const begun = (await response.json()) as ProjectionDocument;
  const goesOn = command === 'rebuild' || command === 'resume' || command === 'verify';
  if (!goesOn || !wait || !begun.rebuild) {
    print(begun, change, around);
    return 0;
  }
  const activates = members['activate'] === true;
  const path = pathOf(tenant, `${projection}/progress`);
  const ended = await followRebuild({ url, path, begun, activates }, around);
  if (ended !== 'over') {
    around.err(
      ended === 'interrupted'
        ? `The rebuild goes on in the platform. See how it stands, or end it:\n`
        : `The platform has gone; the rebuild goes on when it is started again. See how it stands, or end it:\n`,
    );
    around.err(`  ${commandFor(begun, 'show')}\n  ${commandFor(begun, 'cancel')}\n`);
    return 4;
  }
  const status = await show(change, around);
  print(status, change, around);
  return exitOf(status);
}

async function show(
  { url, tenant, projection }: AboutProjections & { readonly projection: string },
  around: Surroundings,
): Promise<ProjectionDocument> {
  const response = await askPlatform({ url, path: pathOf(tenant, projection) }, around);
  return (await response.json()) as ProjectionDocument;
}

function pathOf(tenant: string, rest?: string): string {
  const search = new URLSearchParams({ tenant_id: tenant });
  const words = rest?.split('/').map(encodeURIComponent) ?? [];
  return `${['/api/v1/projections', ...words].join('/')}?${search.toString()}`;
}

function print(status: ProjectionDocument, { json }: AboutProjections, around: Surroundings): void {
  around.out(json ? `${JSON.stringify(status)}\n` : showText(status));
}

function exitOf({ rebuild }: ProjectionDocument): ProjectionExit {
  switch (rebuild?.stage) {
    case 'different':
      return 3;
    case 'failed':
    case 'cancelled':
      return 1;
    case 'copying':
    case 'folding':
    case 'verifying':
    case 'paused':
      return 4;
    case 'ready':
    case 'activated':
    case undefined:
      return 0;
  }
}
