// A receiver of OTLP over HTTP with JSON bodies, as a collector is one: keeps what it gets in a flat form, and tells when more came.

import { EventEmitter, once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Teardown } from './temporary-directory.ts'

type Attributes = Readonly<Record<string, unknown>>

export interface ReceivedSpan {
  readonly service: string
  readonly name: string
  readonly kind: number
  readonly traceId: string
  readonly spanId: string
  /** Empty for the first span of a trace. */
  readonly parentSpanId: string
  readonly traceState: string
  /** Nanoseconds since the epoch. */
  readonly start: bigint
  readonly end: bigint
  readonly attributes: Attributes
  /** 0 unset, 1 ok, 2 error */
  readonly status: number
}

export interface ReceivedLog {
  readonly service: string
  readonly severity: string
  readonly body: unknown
  readonly attributes: Attributes
  readonly traceId: string
  readonly spanId: string
}

export interface ReceivedPoint {
  readonly service: string
  readonly metric: string
  readonly unit: string
  readonly attributes: Attributes
  /** The number; of a histogram its count. */
  readonly value: number
  readonly buckets?: readonly number[]
}

/** How it answers: takes what comes, refuses it, or says nothing at all. */
type Manner = 'take' | 'refuse' | 'hang'

export class OtlpReceiver {
  manner: Manner = 'take'
  readonly spans: ReceivedSpan[] = []
  readonly logs: ReceivedLog[] = []
  /** Those of the latest export of metrics. */
  points: ReceivedPoint[] = []
  readonly requests: { readonly path: string; readonly headers: IncomingHttpHeaders }[] = []
  endpoint = ''
  readonly #news = new EventEmitter()

  /** Listens on a port of its own until the test ends. */
  static async start(t: Teardown): Promise<OtlpReceiver> {
    const receiver = new OtlpReceiver()
    const server = createServer((request, response) => void receiver.#take(request, response))
    // By default a connection that was idle for 5 s is ended, perhaps just when the next export has begun.
    server.keepAliveTimeout = 0
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => {
      server.closeAllConnections()
      server.close()
    })
    receiver.endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    return receiver
  }

  /** Resolves when `look` finds something in what came, now or later. */
  async found<T>(look: (receiver: this) => T | undefined | false): Promise<T> {
    for (;;) {
      const found = look(this)
      if (found !== undefined && found !== false) return found
      await once(this.#news, 'news')
    }
  }

  /** Resolves with `count` spans of that name or more. */
  spansNamed(name: string, count = 1): Promise<ReceivedSpan[]> {
    return this.found(() => {
      const named = this.spans.filter(span => span.name === name)
      return named.length >= count && named
    })
  }

  /** The value of a point of the latest metrics; undefined when there is none with these attributes. */
  point(metric: string, attributes: Attributes = {}): number | undefined {
    return this.points.find(point => point.metric === metric && Object.entries(attributes).every(([key, value]) => point.attributes[key] === value))?.value
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request)
    this.requests.push({ path: request.url!, headers: request.headers })
    if (this.manner === 'take') this.#read(request.url!, JSON.parse(body) as OtlpBody)
    if (this.manner !== 'hang') response.writeHead(this.manner === 'take' ? 200 : 400, { 'content-type': 'application/json' }).end('{}')
    this.#news.emit('news')
  }

  #read(path: string, body: OtlpBody): void {
    if (path === '/v1/metrics') this.points = []
    for (const { resource, scopeSpans = [], scopeLogs = [], scopeMetrics = [] } of [...(body.resourceSpans ?? []), ...(body.resourceLogs ?? []), ...(body.resourceMetrics ?? [])]) {
      const service = String(attributesOf(resource.attributes)['service.name'])
      for (const { spans } of scopeSpans) this.spans.push(...spans.map(span => readSpan(service, span)))
      for (const { logRecords } of scopeLogs) this.logs.push(...logRecords.map(record => readLog(service, record)))
      for (const { metrics } of scopeMetrics) this.points.push(...metrics.flatMap(metric => readMetric(service, metric)))
    }
  }
}

interface OtlpValue {
  readonly stringValue?: string
  readonly intValue?: number | string
  readonly doubleValue?: number
  readonly boolValue?: boolean
  readonly arrayValue?: { readonly values: readonly OtlpValue[] }
  readonly kvlistValue?: { readonly values: readonly OtlpAttribute[] }
}

interface OtlpAttribute {
  readonly key: string
  readonly value: OtlpValue
}

interface OtlpSpan {
  readonly name: string
  readonly kind: number
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly traceState?: string
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: readonly OtlpAttribute[]
  readonly status: { readonly code?: number }
}

interface OtlpLog {
  readonly severityText: string
  readonly body: OtlpValue
  readonly attributes: readonly OtlpAttribute[]
  readonly traceId?: string
  readonly spanId?: string
}

interface OtlpPoint {
  readonly attributes: readonly OtlpAttribute[]
  readonly asInt?: number | string
  readonly asDouble?: number
  readonly count?: number | string
  readonly bucketCounts?: readonly (number | string)[]
}

interface OtlpMetric {
  readonly name: string
  readonly unit: string
  readonly sum?: { readonly dataPoints: readonly OtlpPoint[] }
  readonly gauge?: { readonly dataPoints: readonly OtlpPoint[] }
  readonly histogram?: { readonly dataPoints: readonly OtlpPoint[] }
}

interface OtlpResource {
  readonly resource: { readonly attributes: readonly OtlpAttribute[] }
  readonly scopeSpans?: readonly { readonly spans: readonly OtlpSpan[] }[]
  readonly scopeLogs?: readonly { readonly logRecords: readonly OtlpLog[] }[]
  readonly scopeMetrics?: readonly { readonly metrics: readonly OtlpMetric[] }[]
}

interface OtlpBody {
  readonly resourceSpans?: readonly OtlpResource[]
  readonly resourceLogs?: readonly OtlpResource[]
  readonly resourceMetrics?: readonly OtlpResource[]
}

function readSpan(service: string, span: OtlpSpan): ReceivedSpan {
  const { name, kind, traceId, spanId, parentSpanId = '', traceState = '', attributes, status } = span
  return { service, name, kind, traceId, spanId, parentSpanId, traceState, start: BigInt(span.startTimeUnixNano), end: BigInt(span.endTimeUnixNano), attributes: attributesOf(attributes), status: status.code ?? 0 }
}

function readLog(service: string, { severityText, body, attributes, traceId = '', spanId = '' }: OtlpLog): ReceivedLog {
  return { service, severity: severityText, body: valueOf(body), attributes: attributesOf(attributes), traceId, spanId }
}

function readMetric(service: string, { name, unit, sum, gauge, histogram }: OtlpMetric): ReceivedPoint[] {
  const points = (sum ?? gauge ?? histogram)?.dataPoints ?? []
  return points.map(({ attributes, asInt, asDouble, count, bucketCounts }) => ({
    service,
    metric: name,
    unit,
    attributes: attributesOf(attributes),
    value: Number(asInt ?? asDouble ?? count),
    ...(bucketCounts === undefined ? {} : { buckets: bucketCounts.map(Number) }),
  }))
}

function attributesOf(attributes: readonly OtlpAttribute[]): Attributes {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, valueOf(value)]))
}

function valueOf({ stringValue, intValue, doubleValue, boolValue, arrayValue, kvlistValue }: OtlpValue): unknown {
  if (kvlistValue !== undefined) return attributesOf(kvlistValue.values)
  if (arrayValue !== undefined) return arrayValue.values.map(valueOf)
  return stringValue ?? boolValue ?? doubleValue ?? (intValue === undefined ? undefined : Number(intValue))
}
