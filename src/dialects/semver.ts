/**
 * A version as semver.c reads it (h2non/semver.c, semver_parse), which esp32FOTA and esp_ghota compare with: numbers with dots, then what stands
 * behind `-` and `+`. The `v` that people put before it is not part of it. Undefined for what the library would refuse.
 */
export function semverOf(version: string): string | undefined {
  const bare = version.replace(/^v(?=\d)/i, '')
  const [, numbers = ''] = /^(\d+(?:\.\d+){0,2})(?:[-+][-+.0-9A-Za-z]*)?$/.exec(bare) ?? []
  if (numbers === '' || bare.length > LONGEST) return undefined
  return numbers.split('.').every(number => Number(number) < LARGEST_NUMBER) ? bare : undefined
}

/** 255 in the library; what stands in an app descriptor is never longer than 31. */
const LONGEST = 255
const LARGEST_NUMBER = 2 ** 31 - 1
