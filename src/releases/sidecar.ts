import { printable } from '../words.js'
import type { Release } from './release.js'

/** Suffixes of the checksum files beside a name (clients.md R34). */
export const SIDECAR_SUFFIXES = ['.md5', '.sha256', '.sha512'] as const
export type SidecarSuffix = (typeof SIDECAR_SUFFIXES)[number]

/** A checksum file in the form of md5sum and sha256sum: digest, two spaces, file name, line feed. */
export function sidecarOf(release: Release, suffix: SidecarSuffix): string {
  return `${digestOf(release, suffix)}  ${printable(release.name.split('/').at(-1) ?? '')}\n`
}

function digestOf(release: Release, suffix: SidecarSuffix): string {
  switch (suffix) {
    case '.md5':
      return release.md5
    case '.sha256':
      return release.digest
    case '.sha512':
      return release.sha512
  }
}
