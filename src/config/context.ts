import { OperatorError } from '../errors.js'
import { CHIP_NAMES, type ChipName, isChipName } from '../image/chips.js'
import type { ImageContext } from '../image/verdict.js'
import { nearestTo } from '../nearest.js'
import type { Settings } from './options.js'

/**
 * The chip and the slot that the settings ask for.
 * @throws OperatorError for a chip that does not exist
 */
export function readContext({ chip, slotSize }: Pick<Settings, 'chip' | 'slotSize'>): ImageContext {
  return {
    ...(chip === '' ? {} : { chip: readChip(chip) }),
    ...(slotSize === 0 ? {} : { slotSize })
  }
}

/** ESP-IDF's name of a chip, also as people write it: `ESP32-S3`. */
function readChip(word: string): ChipName {
  const name = word.toLowerCase().replaceAll('-', '')
  if (isChipName(name)) return name
  const nearest = nearestTo(name, CHIP_NAMES)
  const hint = nearest === undefined ? `the chips are ${CHIP_NAMES.join(', ')}` : `did you mean ${nearest}?`
  throw new OperatorError('OTAD_ERR_BAD_SETTING', `--chip: there is no chip "${word}"`, hint)
}
