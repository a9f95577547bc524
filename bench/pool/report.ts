// What `bench -- pool` found, as people read it: a table for each kind of work, and what the defaults should be.

import { formatTable } from '../measure/table.ts'
import { crossover, delayCrossover, type Sized } from './crossover.ts'

export interface KindReport {
  readonly name: string
  /** Its key in the configuration, where it has one. */
  readonly key: string | undefined
  readonly sizes: readonly Sized[]
}

export function formatPool(reports: readonly KindReport[]): string {
  return [...reports.map(formatKind), formatDefaults(reports)].join('\n\n')
}

function formatKind({ name, sizes }: KindReport): string {
  const rows = sizes.map(({ bytes, here, pooled }) => [sizeText(bytes), '', micros(here.mainMicros), micros(pooled.mainMicros), micros(here.delayMicros), micros(pooled.delayMicros)])
  const verdict = `worth it for the main thread from ${sizeText(crossover(sizes))}; at most twice the delay from ${sizeText(delayCrossover(sizes))}`
  return `${name}\n${formatTable(['size', '', 'main here', 'main pooled', 'delay here', 'delay pooled'], rows)}\n${verdict}`
}

function formatDefaults(reports: readonly KindReport[]): string {
  const lines = reports.flatMap(({ key, sizes }) => (key === undefined ? [] : [`  ${key}: ${sizeText(crossover(sizes))}`]))
  return ['µs per task, medians. On this machine the configuration should say:', ...lines].join('\n')
}

function micros(value: number): string {
  return value.toFixed(1)
}

function sizeText(bytes: number | undefined): string {
  return bytes === undefined ? 'no size measured' : `${bytes / 1024}kb`
}
