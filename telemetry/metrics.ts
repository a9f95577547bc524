// The instruments of the broker: each reads what is counted anyway when metrics are due. Nothing happens per message.

import type { Attributes, Meter, ObservableResult } from '@opentelemetry/api'
import { Attribute, SYSTEM } from '../broker/ground/span-attributes.ts'
import type { ChannelAccount, MetricsSource } from '../broker/ground/telemetry.ts'
import type { ExportHealth } from './guarded-exporter.ts'
import { createQueueInstruments } from './queue-metrics.ts'

type Read = (observe: (value: number, attributes?: Attributes) => void) => void

/** What `numbers()` says in another way, with attributes. */
const TOLD_OTHERWISE = /^(?:connections|messages_accepted_total|messages_rejected_total|deliveries_.*|process_.*|queue_.*)$/

/** Makes the instruments; they live as long as the meter. */
export function createInstruments(meter: Meter, source: MetricsSource, health: readonly ExportHealth[], skippedTraces: () => number): void {
  const counter = (name: string, unit: string, description: string, read: Read): void => meter.createObservableCounter(name, { unit, description }).addCallback(callback(read))
  const upDown = (name: string, unit: string, description: string, read: Read): void => meter.createObservableUpDownCounter(name, { unit, description }).addCallback(callback(read))
  const perChannel = (read: (account: ChannelAccount, observe: (value: number, attributes?: Attributes) => void) => void): Read => observe => {
    for (const [name, account] of source.channels()) read(account, (value, attributes) => observe(value, { ...channelOf(name), ...attributes }))
  }

  // The broker's clients, as they would count themselves.
  counter('messaging.client.sent.messages', '{message}', 'Messages that clients sent: accepted, and refused ones with error.type.', perChannel((account, observe) => {
    observe(account.accepted, { [Attribute.operation]: 'publish' })
    observe(account.rejected, { [Attribute.operation]: 'publish', [Attribute.errorType]: 'rejected' })
  }))
  counter('messaging.client.consumed.messages', '{message}', 'Messages that were written to clients.', perChannel((account, observe) => observe(account.written, { [Attribute.operation]: 'receive' })))

  // The accounting identity: deliveries = written + forwarded + stored + dropped + pending.
  counter('callboard.deliveries', '{delivery}', 'Deliveries of accepted messages: one per receiver, and one where there was none.', perChannel((account, observe) => observe(account.deliveries)))
  counter('callboard.deliveries.written', '{delivery}', 'Deliveries that the receiver\'s kernel took.', perChannel((account, observe) => observe(account.written)))
  counter('callboard.deliveries.forwarded', '{delivery}', 'Deliveries that the other end of the link to other brokers confirmed.', perChannel((account, observe) => observe(account.forwarded)))
  counter('callboard.deliveries.stored', '{delivery}', 'Deliveries to queues that they keep.', perChannel((account, observe) => observe(account.stored)))
  counter('callboard.deliveries.dropped', '{delivery}', 'Deliveries that did not happen, by reason.', perChannel((account, observe) => {
    for (const [reason, count] of Object.entries(account.dropped)) observe(count, { reason })
  }))
  upDown('callboard.deliveries.pending', '{delivery}', 'Deliveries that wait for their receiver.', perChannel((account, observe) => observe(account.pending)))

  upDown('callboard.connections', '{connection}', 'Connections by dialect.', observe => {
    for (const [dialect, count] of source.dialects()) observe(count, { dialect })
  })
  upDown('callboard.outbound.pending.messages', '{message}', 'Messages that wait in outbounds.', observe => observe(source.traffic().pendingMessages))
  upDown('callboard.outbound.pending.size', 'By', 'Bytes that wait in outbounds.', observe => observe(source.traffic().pendingBytes))
  counter('callboard.network.io', 'By', 'Bytes of all connections.', observe => {
    const { receivedBytes, writtenBytes } = source.traffic()
    observe(receivedBytes, { 'network.io.direction': 'receive' })
    observe(writtenBytes, { 'network.io.direction': 'transmit' })
  })
  counter('callboard.agent.restarts', '{restart}', 'How often an agent was started anew.', observe => {
    for (const [agent, restarts] of source.restarts()) observe(restarts, { agent })
  })
  counter('callboard.telemetry.export.failures', '{export}', 'Exports of telemetry that failed for good.', observe => {
    for (const { signal, failures } of health) observe(failures, { signal })
  })

  counter('callboard.traces.skipped', '{message}', 'Traced messages that got no spans, because too many came or were open.', observe => observe(skippedTraces()))

  createQueueInstruments(meter, source)

  for (const name of Object.keys(source.numbers())) if (!TOLD_OTHERWISE.test(name)) createNumber(meter, source, name)
}

// Everything else that the method `metrics` tells, under the name it has there: recorder, routes, pool and what is yet to come.
function createNumber(meter: Meter, source: MetricsSource, name: string): void {
  const isCounter = name.endsWith('_total')
  const unit = name.includes('_bytes') ? 'By' : name.includes('_seconds') ? 's' : '1'
  const read: Read = observe => observe(source.numbers()[name] ?? 0)
  const full = `callboard.${name.replace(/_total$/, '')}`
  if (isCounter) meter.createObservableCounter(full, { unit }).addCallback(callback(read))
  else meter.createObservableGauge(full, { unit }).addCallback(callback(read))
}

function callback(read: Read): (result: ObservableResult) => void {
  return result => read((value, attributes) => result.observe(value, attributes))
}

function channelOf(name: string | undefined): Attributes {
  return { [Attribute.system]: SYSTEM, ...(name === undefined ? {} : { [Attribute.destination]: name }) }
}
