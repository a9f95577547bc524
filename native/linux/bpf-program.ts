// Writes programs of classic BPF that judge system calls: tests that skip forwards, and verdicts. Knows no rule.

// linux/seccomp.h, linux/bpf_common.h
const LOAD = 0x20
const AND = 0x54
const IF_EQUAL = 0x15
const IF_ANY_BIT = 0x45
const RETURN = 0x06
const ALLOW = 0x7fff_0000
const ERROR = 0x0005_0000

/** asm-generic/errno.h */
const errors = { EPERM: 1, ENOSYS: 38, EPROTONOSUPPORT: 93, EOPNOTSUPP: 95, EAFNOSUPPORT: 97 } as const
type RefusedWith = keyof typeof errors

/** What is judged, a word of struct seccomp_data: of the arguments 0 to 5 the low half, as these processors are little-endian. */
type Field = 'call' | 'architecture' | 'high half of 1' | 0 | 1 | 2 | 3 | 4 | 5

const FIRST_ARGUMENT = 16
const named = { 'call': 0, 'architecture': 4, 'high half of 1': FIRST_ARGUMENT + 12 } as const

export class BpfProgram {
  readonly #instructions: (readonly [code: number, ifTrue: number, ifFalse: number, value: number])[] = []

  /** What the next tests look at, of it only the bits of `mask`. */
  load(field: Field, mask?: number): void {
    this.#add(LOAD, typeof field === 'string' ? named[field] : FIRST_ARGUMENT + 8 * field)
    if (mask !== undefined) this.#add(AND, mask)
  }

  allow(): void {
    this.#add(RETURN, ALLOW)
  }

  refuse(error: RefusedWith): void {
    this.#add(RETURN, ERROR | errors[error])
  }

  allowIf(value: number): void {
    this.#add(IF_EQUAL, value, 0, 1)
    this.allow()
  }

  refuseIf(value: number, error: RefusedWith): void {
    this.#add(IF_EQUAL, value, 0, 1)
    this.refuse(error)
  }

  refuseUnless(value: number, error: RefusedWith): void {
    this.#add(IF_EQUAL, value, 1, 0)
    this.refuse(error)
  }

  refuseIfAnyBit(bits: number, error: RefusedWith): void {
    this.#add(IF_ANY_BIT, bits, 0, 1)
    this.refuse(error)
  }

  /** What `block` adds holds for this value alone. It ends with a verdict: what was loaded before is not there any more. */
  when(value: number, block: () => void): void {
    const at = this.#instructions.length
    this.#add(IF_EQUAL, value)
    block()
    this.#instructions[at] = [IF_EQUAL, 0, this.#instructions.length - at - 1, value]
  }

  /** 8 bytes each (linux/filter.h: sock_filter). */
  encode(): Uint8Array {
    const view = new DataView(new ArrayBuffer(this.#instructions.length * 8))
    this.#instructions.forEach(([code, ifTrue, ifFalse, value], index) => {
      view.setUint16(index * 8, code, true)
      view.setUint8(index * 8 + 2, ifTrue)
      view.setUint8(index * 8 + 3, ifFalse)
      view.setUint32(index * 8 + 4, value >>> 0, true)
    })
    return new Uint8Array(view.buffer)
  }

  #add(code: number, value: number, ifTrue = 0, ifFalse = 0): void {
    this.#instructions.push([code, ifTrue, ifFalse, value])
  }
}
