// The instruments of queues, each with the queue's name: how much there is, how old it is, what became of it.

import type { Attributes, Meter, ObservableResult } from '@opentelemetry/api'
import { Attribute, SYSTEM } from '../broker/ground/span-attributes.ts'
import type { MetricsSource, QueueFigure } from '../broker/ground/telemetry.ts'

type Observe = (value: number, attributes?: Attributes) => void

/** Makes the instruments; they live as long as the meter. */
export function createQueueInstruments(meter: Meter, source: MetricsSource): void {
  const perQueue = (read: (figure: QueueFigure, observe: Observe) => void) => (result: ObservableResult): void => {
    for (const figure of source.queues()) {
      const own = { [Attribute.system]: SYSTEM, [Attribute.destination]: figure.name }
      read(figure, (value, attributes) => result.observe(value, { ...own, ...attributes }))
    }
  }
  const upDown = (name: string, unit: string, description: string, read: (figure: QueueFigure, observe: Observe) => void): void => meter.createObservableUpDownCounter(name, { unit, description }).addCallback(perQueue(read))
  upDown('callboard.queue.messages', '{message}', 'Messages that wait in a queue, by state.', ({ counts }, observe) => {
    for (const [state, count] of [['ready', counts.ready], ['delayed', counts.delayed], ['held', counts.held], ['in-flight', counts.inFlight]] as const) observe(count, { state })
  })
  upDown('callboard.queue.size', 'By', 'Bytes that wait in a queue.', ({ counts }, observe) => observe(counts.bytes))
  upDown('callboard.queue.dead_letters', '{message}', 'Dead letters that a queue keeps.', ({ counts }, observe) => observe(counts.deadLetters))
  upDown('callboard.queue.consumers', '{consumer}', 'Consumers of a queue at this broker.', ({ consumers }, observe) => observe(consumers))
  meter.createObservableGauge('callboard.queue.oldest.age', { unit: 's', description: 'How long the oldest message waits in a queue.' }).addCallback(perQueue(({ oldestAgeMs }, observe) => observe(oldestAgeMs / 1000)))
  meter.createObservableCounter('callboard.queue.events', { unit: '{message}', description: 'What became of the messages of a queue since it was made, by event.' }).addCallback(
    perQueue(({ counts }, observe) => {
      const { stored, duplicates, acked, forwarded, retried, deadLettered, expired, dropped, purged, replayed } = counts
      const events = { stored, duplicate: duplicates, acked, forwarded, retried, 'dead-lettered': deadLettered, expired, dropped, purged, replayed }
      for (const [event, count] of Object.entries(events)) observe(count, { event })
    }),
  )
}
