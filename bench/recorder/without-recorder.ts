// Loaded with `node --import` in front of a broker: it then records nothing. The product has no switch for that.

import { Core } from '../../broker/core.ts'

Object.assign(Core.prototype, { record: () => {} })
