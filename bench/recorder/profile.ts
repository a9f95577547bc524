// How much of a process's time went to some of its functions, from a CPU profile.

import type { RecorderPart } from './recorder-parts.ts'

/** What of V8's `.cpuprofile` is read here. */
export interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: { readonly functionName: string; readonly url: string } }[]
  /** Ids of the nodes that were on top of the stack. */
  readonly samples: readonly number[]
  /** From one sample to the next. µs */
  readonly timeDeltas: readonly number[]
  /** On CLOCK_MONOTONIC. µs */
  readonly startTime: number
}

export interface SelfTime {
  /** Samples within the parts, over all samples in which the process did anything. */
  readonly share: number
  readonly busySamples: number
  /** The parts were seen at some time; otherwise they have moved, and a share of 0 means nothing. */
  readonly isSeen: boolean
}

/** The share of the samples from `fromMicros` to `toMicros`; idle ones do not count, the collector's and native ones do. */
export function selfTime(profile: CpuProfile, parts: readonly RecorderPart[], fromMicros: number, toMicros: number): SelfTime {
  const idle = new Set<number>()
  const ours = new Set<number>()
  for (const { id, callFrame } of profile.nodes) {
    if (callFrame.functionName === '(idle)') idle.add(id)
    else if (parts.some(part => callFrame.url.endsWith(`/${part.file}`) && (part.functions?.includes(callFrame.functionName) ?? true))) ours.add(id)
  }
  let atMicros = profile.startTime
  let busySamples = 0
  let ourSamples = 0
  for (const [i, id] of profile.samples.entries()) {
    atMicros += profile.timeDeltas[i]!
    if (atMicros < fromMicros || atMicros >= toMicros || idle.has(id)) continue
    busySamples++
    if (ours.has(id)) ourSamples++
  }
  return { share: busySamples === 0 ? 0 : ourSamples / busySamples, busySamples, isSeen: ours.size > 0 }
}
