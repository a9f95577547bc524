// What a promise came to, as a word that a test can compare.

import { BrokerError } from '../../broker/ground/errors.ts'

/** The code of the error that `promise` rejects with, or `resolved`. */
export async function errorCode(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'resolved'
  } catch (error) {
    return BrokerError.from(error).code
  }
}
