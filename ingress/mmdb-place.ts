import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Reader } from 'mmdb-lib';
import type { CityResponse } from 'mmdb-lib';
import { Fault } from '#domain';
import { isPublicAddress } from './place.ts';
import type { LookUpPlace, Place } from './place.ts';

/** What the country database that comes along holds instead of the usual records. */
type CountryOnly = { readonly country_code?: string };

/**
 * Opens a database of places in MaxMind's format and holds it in memory.
 *
 * @param path a country or city database; without it the country database that comes along (8 MB)
 */
export async function openMmdbPlace(path?: string): Promise<LookUpPlace> {
  const file =
    path ??
    fileURLToPath(
      import.meta.resolve('@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb'),
    );
  let reader: Reader<CityResponse>;
  try {
    reader = new Reader<CityResponse>(await readFile(file));
  } catch (cause) {
    throw new Fault('CONFIG_INVALID', `The database of places cannot be read: ${file}`, { cause });
  }
  return (ip) => {
    if (!isPublicAddress(ip)) return undefined;
    const found = reader.get(ip);
    return found ? placeOf(found) : undefined;
  };
}

function placeOf(found: CityResponse & CountryOnly): Place | undefined {
  const country = found.country_code ?? found.country?.iso_code;
  const region = found.subdivisions?.[0]?.names.en;
  const city = found.city?.names.en;
  if ((country ?? region ?? city) === undefined) return undefined;
  return {
    ...(country === undefined ? {} : { country }),
    ...(region === undefined ? {} : { region }),
    ...(city === undefined ? {} : { city }),
  };
}
