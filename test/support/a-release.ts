import type { Release } from '../../src/releases/release.js'

/** A release as a build of hello_world would be, with these fields; its digests are made from `digest`. */
export function releaseWith(fields: Partial<Release> & Pick<Release, 'name' | 'digest'>): Release {
  const { digest } = fields
  return {
    number: 1,
    md5: digest.slice(32),
    sha512: digest + digest,
    size: 842 * 1024,
    kind: 'app',
    chip: 'esp32',
    chipId: 0,
    project: 'hello_world',
    version: '1.0.0',
    secureVersion: 0,
    idfVersion: 'v5.2',
    builtAt: null,
    elfSha256: null,
    appendedSha256: null,
    minChipRevision: 0,
    maxChipRevision: 399,
    mmuPageSize: 65536,
    flashMode: 'dio',
    signature: null,
    publishedAt: Date.now(),
    warnings: [],
    folder: '/builds',
    fileKey: '',
    rules: '',
    ...fields
  }
}
