// RabbitMQ by amqplib: a confirm channel, persistent messages, a classic durable queue, prefetch, ack().

import { connect } from 'amqplib'
import { OUTSTANDING, QUEUE, type LaneTarget } from './job.ts'
import type { Lane } from './lane.ts'

export async function openRabbitLane({ port }: Extract<LaneTarget, { kind: 'rabbitmq' }>): Promise<Lane> {
  const open = () => connect(`amqp://guest:guest@127.0.0.1:${port}`)
  const [publishing, consuming] = [await open(), await open()]
  const publisher = await publishing.createConfirmChannel()
  const consumer = await consuming.createChannel()
  await publisher.assertQueue(QUEUE, { durable: true })
  await consumer.prefetch(OUTSTANDING)
  return {
    publish: payload =>
      new Promise<void>((resolve, reject) => {
        publisher.sendToQueue(QUEUE, payload as Buffer, { persistent: true }, (error: unknown) => (error instanceof Error ? reject(error) : resolve()))
      }),
    consume: async (take, failed) => {
      const { consumerTag } = await consumer.consume(QUEUE, message => {
        if (message === null) return failed(new Error('the server ended the consumer'))
        take(message.content)
        consumer.ack(message)
      })
      // Acks are not answered; what is asked on the same channel is answered behind them.
      return { settled: () => consumer.checkQueue(QUEUE), stop: () => consumer.cancel(consumerTag) }
    },
    // What is on lease is not counted there; a second look by a new channel would count it as soon as this one is closed.
    left: async () => {
      await consumer.close()
      return (await publisher.checkQueue(QUEUE)).messageCount
    },
    close: async () => void (await Promise.all([publishing.close(), consuming.close()])),
  }
}
