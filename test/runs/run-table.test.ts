import { describe, expect, it } from 'vitest'
import { RunTable } from '../../src/runs/run-table.js'
import { digestOf, NAME } from './firmware-desk.js'
import { DAY, HOUR, MINUTE, SECOND, Story, type TestDevice } from './story.js'

/** Devices of which the table of clients.md 17.4 speaks, known by themselves or by where they ask from. */
const DEVICES: readonly (readonly [string, (story: Story) => TestDevice])[] = [
  ['certificate or MAC', story => story.known()],
  ['address', story => story.at()]
]

describe.each(DEVICES)('a device known by its %s', (_known, meet) => {
  function begin(): { story: Story; device: TestDevice } {
    const story = new Story()
    return { story, device: meet(story) }
  }

  it('gets the newest build when it asks for a whole one', () => {
    const { story, device } = begin()
    story.build('B')
    expect(device.get()).toBe('B 0-99')
  })

  it('is told the length of the newest build', () => {
    const { story, device } = begin()
    story.build('B', 120)
    expect(device.head()).toBe('B of 120')
  })

  it('gets the build whose length it was told, though another came before the first byte', () => {
    const { story, device } = begin()
    expect(device.head()).toBe('A of 100')
    story.build('B', 120)
    expect(device.range(0, 15)).toBe('A 0-15')
  })

  it('gets the same with one request for the whole, as for an image smaller than a range (trace D’)', () => {
    const { story, device } = begin()
    device.head()
    story.build('B', 120)
    expect(device.get()).toBe('A 0-99')
  })

  it('gets the newest when it was told a length more than a minute ago', () => {
    const { story, device } = begin()
    device.head()
    story.build('B', 120)
    story.wait(61 * SECOND)
    expect(device.range(0, 15)).toBe('B 0-15')
  })

  it('learns the length from one byte as from a HEAD (ESP-IDF 6)', () => {
    const { story, device } = begin()
    expect(device.range(0, 0)).toBe('A 0-0')
    story.build('B', 120)
    expect(device.range(0, 15)).toBe('A 0-15')
  })

  it('gets all ranges of one build, each on its own connection, whatever is built meanwhile', () => {
    const { story, device } = begin()
    device.head()
    expect(device.range(0, 31)).toBe('A 0-31')
    story.build('B', 120)
    expect(device.range(32, 63)).toBe('A 32-63')
    story.build('C', 90)
    story.wait(2 * MINUTE)
    expect(device.range(64, 95)).toBe('A 64-95')
    expect(device.range(96)).toBe('A 96-99')
  })

  it('gets them on one connection too', () => {
    const { story, device } = begin()
    device.head()
    device.keepAlive()
    expect(device.range(0, 31)).toBe('A 0-31')
    story.build('B', 120)
    story.wait(HOUR)
    expect(device.range(32, 63)).toBe('A 32-63')
    expect(device.range(64)).toBe('A 64-99')
  })

  it('begins the newest when it begins again', () => {
    const { story, device } = begin()
    device.head()
    device.range(0, 31)
    story.build('B', 120)
    expect(device.head()).toBe('B of 120')
    expect(device.range(0, 47)).toBe('B 0-47')
    expect(device.range(48, 95)).toBe('B 48-95')
  })

  it.each([
    ['whole KiB', 64],
    ['16 bytes', 80],
    ['the byte', 87]
  ])('resumes a stream after a reboot, rounded down to %s', (_to, start) => {
    const { story, device } = begin()
    expect(device.cut(88, 0)).toBe('A 0-87')
    story.build('B')
    story.wait(HOUR)
    expect(device.range(start)).toBe(`A ${start}-99`)
  })

  it('resumes ranges after a reboot when it is told the same length', () => {
    const { story, device } = begin()
    story.build('B')
    device.head()
    expect(device.cut(20, 0, 31)).toBe('B 0-19')
    story.wait(HOUR)
    expect(device.head()).toBe('B of 100')
    expect(device.range(16, 47)).toBe('B 16-47')
    expect(device.range(48)).toBe('B 48-99')
  })

  it('is sent back when it resumes ranges of one build with the length of another', () => {
    const { story, device } = begin()
    device.head()
    device.cut(20, 0, 31)
    story.build('B', 120)
    expect(device.head()).toBe('B of 120')
    expect(device.range(16, 47)).toBe('416')
    expect(device.range(0, 31)).toBe('B 0-31')
  })

  it('is sent back from a whole download of a small image just the same (trace D’, then E)', () => {
    const { story, device } = begin()
    device.head()
    device.cut(40)
    story.build('B', 120)
    story.wait(61 * SECOND)
    device.head()
    expect(device.range(32, 120)).toBe('416')
    expect(device.range(0, 31)).toBe('B 0-31')
  })

  it('is sent back when it has more than was ever sent to it', () => {
    const { story, device } = begin()
    story.build('B')
    expect(device.cut(50, 0)).toBe('B 0-49')
    expect(device.range(64)).toBe('416')
  })

  it('is sent back when nothing is known of it, and gets a whole one then', () => {
    const { story, device } = begin()
    story.build('B')
    expect(device.range(16)).toBe('416')
    expect(device.get()).toBe('B 0-99')
  })

  it('gets any byte while there has only ever been one build', () => {
    const { device } = begin()
    expect(device.range(16)).toBe('A 16-99')
    expect(device.range(32, 47)).toBe('A 32-47')
  })

  it('is sent back when its build is not kept any more', () => {
    const story = new Story({ keepReleases: 0 })
    const device = meet(story)
    device.cut(50, 0)
    story.build('B')
    story.wait(7 * DAY + SECOND)
    expect(story.keeps('A')).toBe(false)
    expect(device.range(48)).toBe('416')
  })

  it('is never refused a whole image, whatever lengths were told', () => {
    const { story, device } = begin()
    for (const [index, size] of [120, 80, 90].entries()) {
      device.head()
      story.build(`build-${index}`, size)
    }
    expect(device.get()).toBe('build-1 0-79')
    expect(device.range(0)).not.toBe('416')
  })

  it('goes on after a restart in order, exactly where it stood', () => {
    const { story, device } = begin()
    device.head()
    device.range(0, 31)
    story.build('B')
    story.desk.restart()
    expect(device.range(32, 63)).toBe('A 32-63')
  })

  it('goes on after the server was killed, though only the first request had to be kept', () => {
    const { story, device } = begin()
    device.head()
    device.range(0, 31)
    device.range(32, 63)
    story.build('B')
    story.desk.kill()
    expect(device.range(64, 95)).toBe('A 64-95')
    expect(device.range(96)).toBe('A 96-99')
  })

  it('counts as having received nothing when the server was killed in the middle of its ranges', () => {
    const story = new Story({ keepReleases: 0 })
    const device = meet(story)
    device.head()
    device.range(0, 31)
    story.desk.kill()
    device.range(32, 63)
    story.build('B')
    story.wait(6 * MINUTE)
    expect(device.range(64, 95)).toBe('A 64-95')
    expect(story.keeps('A')).toBe(true)
  })

  /** A device that was switched off is back, and cut off once more, before the server gives its old connection up. */
  it('resumes where it came to, though its connection before that is given up late', () => {
    const { story, device } = begin()
    story.build('B')
    const late = device.start(0)
    expect(device.cut(80, 16)).toBe('B 16-79')
    late.answer.finish(30)
    expect(device.range(80)).toBe('B 80-99')
  })
})

describe('several devices behind one address', () => {
  function begin(): { story: Story; one: TestDevice; two: TestDevice } {
    const story = new Story()
    return { story, one: story.at(), two: story.at() }
  }

  /** One stands at byte 32 of A, the other at byte 16 of B. */
  function apart(): { story: Story; one: TestDevice; two: TestDevice } {
    const { story, one, two } = begin()
    one.head()
    one.range(0, 31)
    story.build('B', 120)
    two.head()
    two.range(0, 15)
    return { story, one, two }
  }

  it('go on with one build together', () => {
    const { one, two } = begin()
    one.head()
    two.head()
    expect([one.range(0, 15), two.range(0, 15)]).toEqual(['A 0-15', 'A 0-15'])
    expect([one.range(16, 31), two.range(16, 31)]).toEqual(['A 16-31', 'A 16-31'])
  })

  it('are told apart by where they stand', () => {
    const { one, two } = apart()
    expect(one.range(32, 63)).toBe('A 32-63')
    expect(two.range(16, 31)).toBe('B 16-31')
    expect(one.range(64)).toBe('A 64-99')
    expect(two.range(32)).toBe('B 32-119')
  })

  it('are told apart by their connections, at the same byte', () => {
    const { story, one, two } = begin()
    one.head()
    one.keepAlive()
    one.range(0, 31)
    story.build('B', 120)
    two.head()
    two.keepAlive()
    expect(two.range(0, 31)).toBe('B 0-31')
    expect(one.range(32, 63)).toBe('A 32-63')
    expect(two.range(32, 63)).toBe('B 32-63')
  })

  it('are sent back where they stand at the same byte of two builds, and each may begin again', () => {
    const { one, two } = apart()
    two.range(16, 31)
    expect(one.range(32, 63)).toBe('416')
    expect(two.range(32, 63)).toBe('416')
    expect(one.head()).toBe('B of 120')
    expect(one.range(0, 15)).toBe('B 0-15')
    expect(one.range(16, 31)).toBe('B 16-31')
  })

  it('are in nobody’s way ten minutes after they were switched off', () => {
    const { story, one, two } = apart()
    one.range(32, 63)
    one.range(64, 79)
    story.wait(10 * MINUTE + SECOND)
    two.head()
    for (const first of [0, 16, 32, 48, 64, 80]) expect(two.range(first, first + 15)).toBe(`B ${first}-${first + 15}`)
  })

  it('are sent back where two broke off in streams of two builds', () => {
    const { story, one, two } = begin()
    one.cut(60, 0)
    story.build('B', 120)
    two.cut(70, 0)
    expect(one.range(48)).toBe('416')
    expect(two.range(64)).toBe('B 64-119')
  })

  it('are sent back from a first range where they were told two lengths, for a minute', () => {
    const { story, one, two } = begin()
    one.head()
    story.build('B', 120)
    two.head()
    expect(one.range(0, 15)).toBe('416')
    expect(two.range(0, 15)).toBe('416')
    story.wait(61 * SECOND)
    one.head()
    expect(one.range(0, 15)).toBe('B 0-15')
  })

  it('get either of two builds of one length, and stay with it', () => {
    const { story, one, two } = begin()
    one.head()
    story.build('B')
    two.head()
    const builds = [one.range(0, 15), two.range(0, 15)]
    expect(builds.sort()).toEqual(['A 0-15', 'B 0-15'])
    expect(one.range(16, 31)).toBe('416')
  })

  it('take up as many promises as there were', () => {
    const { story, one, two } = begin()
    one.head()
    two.head()
    one.range(0, 31)
    story.build('B', 120)
    expect(two.range(0, 15)).toBe('A 0-15')
    expect(story.at().range(0, 15)).toBe('B 0-15')
  })

  it('do not lose ranges to a whole download that begins between', () => {
    const { story, one, two } = begin()
    one.head()
    one.range(0, 31)
    story.build('B')
    expect(two.get()).toBe('B 0-99')
    expect(one.range(32, 63)).toBe('A 32-63')
  })

  it('are not disturbed by a HEAD of the same build', () => {
    const { story, one } = begin()
    story.build('B', 120)
    one.head()
    one.range(0, 31)
    story.at().head()
    expect(one.range(32, 63)).toBe('B 32-63')
  })

  it('are sent back while a HEAD of another build could have made one of them resume', () => {
    const { story, one } = begin()
    one.head()
    one.range(0, 31)
    story.build('B', 120)
    story.at().head()
    expect(one.range(32, 63)).toBe('416')
  })

  /** Found by the model: the run of the one moved on with the other, so that a third at the same byte of a new build was taken for it. */
  it('keep their places when another of them resumes', () => {
    const { story, one, two } = begin()
    two.head()
    two.cut(20, 0, 31)
    one.head()
    one.range(0, 31)
    story.wait(SECOND)
    one.range(32, 47)
    two.head()
    expect(two.range(16, 31)).toBe('A 16-31')
    story.build('B')
    const three = story.at()
    three.head()
    expect(three.range(0, 47)).toBe('B 0-47')
    expect(one.range(48, 63)).toBe('416')
  })

  /** Found by the model: what was downloaded whole counted for nothing when ranges were resumed. */
  it('are not mixed up when a whole download of a small image resumes in ranges of another', () => {
    const { story, one, two } = begin()
    one.head()
    one.cut(40)
    story.build('B', 120)
    two.head()
    two.range(0, 63)
    one.head()
    expect(one.range(32, 120)).toBe('416')
  })

  it('never have a place given away, however many there are', () => {
    const { story, one } = begin()
    one.head()
    one.range(0, 15)
    const others = Array.from({ length: 20 }, () => story.at())
    for (const other of others) {
      other.head()
      other.range(0, 31)
    }
    expect(one.range(16, 31)).toBe('A 16-31')
    story.build('B', 120)
    const late = story.at()
    late.head()
    late.range(0, 31)
    for (const other of others) expect(other.range(32, 63)).toBe('416')
  })

  it('are different devices with different User-Agents', () => {
    const { story, one } = begin()
    one.head()
    one.range(0, 31)
    story.build('B', 120)
    expect(story.at('192.168.1.50 curl/8.0').head()).toBe('B of 120')
    expect(one.range(32, 63)).toBe('A 32-63')
  })
})

describe('a device known by itself', () => {
  it('has one slot: what it begins anew replaces what it had', () => {
    const story = new Story()
    const device = story.known()
    device.cut(80, 0)
    story.build('B')
    device.cut(20, 0)
    expect(device.range(64)).toBe('416')
  })

  it('is told the newest of several lengths', () => {
    const story = new Story()
    const device = story.known()
    device.head()
    story.build('B', 120)
    device.head()
    story.build('C', 90)
    expect(device.range(0, 15)).toBe('B 0-15')
  })

  it('is not another that is known', () => {
    const story = new Story()
    story.known('mac 24:0a:c4:00:00:01').cut(80, 0)
    story.build('B')
    expect(story.known('mac 24:0a:c4:00:00:02').range(64)).toBe('416')
    expect(story.known('mac 24:0a:c4:00:00:01').range(64)).toBe('A 64-99')
  })
})

describe('a build', () => {
  it('is kept for seven days for one who was cut off', () => {
    const story = new Story({ keepReleases: 0 })
    story.at().cut(50, 0)
    story.build('B')
    story.wait(7 * DAY - SECOND)
    expect(story.keeps('A')).toBe(true)
    story.wait(2 * SECOND)
    expect(story.keeps('A')).toBe(false)
  })

  it('is kept for one who was told its length, for a minute', () => {
    const story = new Story({ keepReleases: 0 })
    story.known().head()
    story.build('B')
    expect(story.keeps('A')).toBe(true)
    story.wait(61 * SECOND)
    story.known().get()
    expect(story.keeps('A')).toBe(false)
  })

  it('is not kept for one who has received all of it', () => {
    const story = new Story({ keepReleases: 0 })
    story.at().get()
    story.build('B')
    expect(story.keeps('A')).toBe(false)
  })

  it('is kept for one to whom all of it was handed over, but who may not have read it', () => {
    const story = new Story({ keepReleases: 0 })
    story.at().cut(100, 0)
    story.build('B')
    expect(story.keeps('A')).toBe(true)
  })

  it('is kept again for one who has received it and comes back', () => {
    const story = new Story({ keepReleases: 0 })
    const device = story.known()
    device.get()
    expect(device.cut(90, 80)).toBe('A 80-89')
    story.build('B')
    expect(story.keeps('A')).toBe(true)
  })
})

describe('a run table', () => {
  it('forgets one who has received everything after five minutes', () => {
    const story = new Story()
    const device = story.known()
    device.get()
    story.build('B')
    story.wait(4 * MINUTE)
    expect(device.range(80)).toBe('A 80-99')
    story.wait(6 * MINUTE)
    expect(device.range(80)).toBe('416')
  })

  it('holds at most sixteen runs and thirty-two promises of a client', () => {
    const story = new Story()
    for (let count = 0; count < 100; count++) {
      story.build(`build-${count}`)
      story.at().head()
      story.at().cut(50, 0)
      for (const { runs, promises } of story.desk.table.records) {
        expect(runs.length).toBeLessThanOrEqual(16)
        expect(promises.length).toBeLessThanOrEqual(32)
      }
    }
    const [record] = story.desk.table.records
    expect(record?.runs).toHaveLength(16)
  })

  it('sends back whoever could be one of those that it does not know any more', () => {
    const story = new Story({ keepReleases: 100 })
    const first = story.at()
    first.cut(50, 0)
    for (let count = 0; count < 16; count++) {
      story.build(`build-${count}`)
      story.at().cut(10, 0)
    }
    expect(first.range(48)).toBe('416')
  })

  it('holds no more records than its bound, and forgets who has not come for the longest time', () => {
    const story = new Story({ mostRecords: 3 })
    const devices = [1, 2, 3].map(last => story.at(`192.168.1.${last}`))
    for (const device of devices) {
      device.cut(50, 0)
      story.wait(SECOND)
    }
    story.build('B')
    expect(devices[0]?.range(48)).toBe('A 48-99')
    story.at('192.168.1.4').get()
    expect(story.desk.table.size).toBe(3)
    expect(devices[1]?.range(48)).toBe('416')
    expect(devices[0]?.range(48)).toBe('A 48-99')
  })

  it('knows since when it has forgotten, and sends back who may be one of those', () => {
    const story = new Story({ mostRecords: 1 })
    expect(story.desk.table.forgottenAt).toBe(Number.NEGATIVE_INFINITY)
    const one = story.at('192.168.1.1')
    const usedAt = story.desk.now
    one.head()
    one.range(0, 31)
    story.build('B')
    story.wait(SECOND)
    story.at('192.168.1.2').get()
    expect(story.desk.table.forgottenAt).toBe(usedAt)
    const other = story.at('192.168.1.1')
    other.head()
    other.range(0, 31)
    // Both stand at byte 32, and only one of them is known.
    expect(one.range(32, 63)).toBe('416')
    story.wait(10 * MINUTE)
    other.head()
    other.range(0, 31)
    expect(other.range(32, 63)).toBe('B 32-63')
  })

  it('holds no more than its bound of what it is given at the start', () => {
    const records = Array.from({ length: 5 }, (_, index) => ({
      client: `192.168.1.${index}`,
      name: NAME,
      runs: [],
      promises: [],
      lost: 0,
      lostAt: 0,
      lastSeen: 1000 + index
    }))
    const table = new RunTable({ now: () => 5000, mostRecords: 2 }, { records, forgottenAt: Number.NEGATIVE_INFINITY })
    expect([...table.records].map(({ client }) => client)).toEqual(['192.168.1.3', '192.168.1.4'])
    expect(table.forgottenAt).toBe(1002)
  })

  it('holds 100,000 records when nothing else is said, and never one more', () => {
    const table = new RunTable({ now: () => 1000 })
    const current = { digest: digestOf('A'), size: 100 }
    for (let index = 0; index < 100_500; index++) {
      const asker = { client: `device ${index}`, isSure: false, connection: {} }
      const asked = { is: 'bytes', start: 0, hasEnd: true } as const
      const choice = table.choose(asker, asked, { name: NAME, current, hadOthers: true, find: () => current })
      if (choice.is === 'generation') choice.begin(0, 16)
      if (table.size > 100_000) expect.fail('it holds more')
    }
    expect(table.size).toBe(100_000)
  })

  it('forgets who has not come for thirty days', () => {
    const story = new Story()
    story.at('192.168.1.1').cut(50, 0)
    story.wait(DAY)
    story.at('192.168.1.2').cut(50, 0)
    story.wait(29 * DAY + SECOND)
    story.desk.table.forgetOld()
    expect([...story.desk.table.records].map(({ client }) => client)).toEqual(['192.168.1.2 ESP32 HTTP Client/1.0'])
    expect(story.desk.table.forgottenAt).toBe(Number.NEGATIVE_INFINITY)
  })

  it('changes nothing when it is only asked', () => {
    const story = new Story()
    const [current, connection] = [{ digest: digestOf('A'), size: 100 }, {}]
    const offer = { name: NAME, current, hadOthers: true, find: () => current }
    const asker = { client: 'a', isSure: false, connection }
    story.desk.table.choose(asker, { is: 'head' }, offer)
    story.desk.table.choose(asker, { is: 'bytes', start: 0, hasEnd: true }, offer)
    expect(story.desk.table.size).toBe(0)
  })

  it('has to be kept when something begins, and not for every range', () => {
    const story = new Story()
    const current = { digest: digestOf('A'), size: 100 }
    const mustBeKept = (start: number): boolean | undefined => {
      const choice = story.desk.table.choose(
        { client: 'a', isSure: false, connection: {} },
        { is: 'bytes', start, hasEnd: true },
        { name: NAME, current, hadOthers: true, find: () => current }
      )
      return choice.is === 'generation' ? choice.begin(start, start + 16).mustBeKept : undefined
    }
    expect([0, 16, 32].map(mustBeKept)).toEqual([true, false, false])
    story.wait(HOUR)
    expect(mustBeKept(48)).toBe(true)
  })
})
