// The telemetry of a broker, when it is configured; without, OpenTelemetry is not even loaded.

import { randomUUID } from 'node:crypto'
import type { LookupFunction } from 'node:net'
import type { Clock } from '../broker/ground/clock.ts'
import type { TelemetrySettings } from '../broker/ground/settings.ts'
import type { BrokerTelemetry } from '../broker/ground/telemetry.ts'
import type { Log } from '../broker/ground/types.ts'
import { readHeaders } from './headers-file.ts'

export interface TelemetryOptions {
  readonly settings: TelemetrySettings
  readonly version: string
  readonly clock: Clock
  readonly log: Log
  /** Where the addresses of hosts come from. */
  readonly lookup: LookupFunction
}

export interface Telemetry extends BrokerTelemetry {
  /** Takes a line of the log; undefined: they are not sent. */
  readonly line: ((line: string) => void) | undefined
  /** Sends what waits and ends. Takes 3 s at most; never rejects. */
  close(): Promise<void>
}

/**
 * undefined: nothing is configured, and nothing was loaded.
 * @throws BrokerError `telemetry.headers`
 */
export async function openTelemetry({ settings, version, clock, log, lookup }: TelemetryOptions): Promise<Telemetry | undefined> {
  if (settings.endpoint === undefined && !settings.prometheus) return undefined
  const headers = { ...settings.headers, ...(settings.headersFile === undefined ? {} : readHeaders(settings.headersFile)) }
  const { TelemetrySdk } = await import('./sdk.ts')
  return new TelemetrySdk({ settings, headers, version, instance: randomUUID(), clock, log, lookup })
}
