// The numbers of the frame format: kinds, flags and where each field stands.
//
//   publish   len ┊ 98 ┊ cc kind ┊ cd flags ┊ ce origin ┊ cf id ┊ cf time ┊ d9 n subject ┊ c0|map ┊ c6 len payload
//   others    len ┊ 9a ┊ cc kind ┊ cd flags ┊ ce origin ┊ cf id ┊ cf time ┊ ce to ┊ cf ref ┊ d9 n subject ┊ c0|map ┊ c6 len payload
//   offset    0     4    5          7          10          15      24        33
//
// Every marker is fixed, so each field in front of the subject stands at a fixed offset. See docs/adr/0004.

export { Flag, Kind } from '../ground/kind.ts'
export { PayloadType } from '../ground/payload-type.ts'

/** MessagePack markers of the fixed-width encoding. */
export const Marker = {
  publishArray: 0x98,
  longArray: 0x9a,
  uint8: 0xcc,
  uint16: 0xcd,
  uint32: 0xce,
  uint64: 0xcf,
  str8: 0xd9,
  nil: 0xc0,
  bin32: 0xc6,
} as const

/** Offsets from the first byte of a frame, its length prefix included. */
export const Offset = {
  array: 4,
  kind: 6,
  flags: 8,
  origin: 11,
  id: 16,
  time: 25,
  /** publish only */
  subjectLength: 34,
  subject: 35,
  /** the others */
  to: 34,
  ref: 39,
  longSubjectLength: 48,
  longSubject: 49,
} as const

export const LENGTH_BYTES = 4
/** Bytes of a publish frame beside subject, headers map and payload: everything fixed, nil for headers. */
export const PUBLISH_OVERHEAD = Offset.subject + 1 + 5
export const LONG_OVERHEAD = Offset.longSubject + 1 + 5
export const MAX_SUBJECT_BYTES = 255
export const MAX_ID = Number.MAX_SAFE_INTEGER
