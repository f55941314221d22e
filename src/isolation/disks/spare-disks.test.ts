import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { until } from "../../../test/until.ts";
import { type Spare, SpareDisks, type SpareDisksNeeds } from "./spare-disks.ts";

class FakeDisk implements Spare {
  isHeld = true;
  readonly bytes: number;

  constructor(bytes: number) {
    this.bytes = bytes;
  }

  letGo(): void {
    this.isHeld = false;
  }
}

const USUAL = 1000;

function setUp(needs: Partial<SpareDisksNeeds<FakeDisk>> = {}) {
  const made: FakeDisk[] = [];
  const faults: unknown[] = [];
  const spares = new SpareDisks<FakeDisk>({
    usualBytes: USUAL,
    make: async (bytes) => {
      const disk = new FakeDisk(bytes);
      made.push(disk);
      return disk;
    },
    hasRoom: async () => true,
    report: (fault) => faults.push(fault),
    ...needs,
  });
  return { spares, made, faults, [Symbol.dispose]: () => spares.close() };
}

suite("SpareDisks", () => {
  test("makes some ahead, hands them out, and makes others in their stead", async () => {
    using world = setUp();
    world.spares.open();
    await until("all are made", () => world.made.length === 8);
    const [first] = world.made;
    assert.equal(await world.spares.take(USUAL), first);
    assert.equal(world.made.length, 8);
    await until("another is made", () => world.made.length === 9);
  });

  test("makes one for whoever finds none, or wants another size", async () => {
    using world = setUp({ hasRoom: async () => false });
    world.spares.open();
    const disks = await Promise.all([USUAL, USUAL, 5, USUAL].map((bytes) => world.spares.take(bytes)));
    assert.deepEqual(
      disks.map(({ bytes }) => bytes),
      [USUAL, USUAL, 5, USUAL],
    );
    assert.equal(new Set(disks).size, 4);
  });

  test("gives nobody one whose holder was killed", async () => {
    using world = setUp();
    world.spares.open();
    await until("all are made", () => world.made.length === 8);
    for (const disk of world.made.slice(0, 7)) disk.letGo();
    assert.equal(await world.spares.take(USUAL), world.made[7]);
    assert.ok((await world.spares.take(USUAL)).isHeld);
  });

  test("tells whoever waits why one cannot be made, and the daemon's log why none is made ahead", async () => {
    using world = setUp({ make: () => Promise.reject(new Error("no loop device")) });
    world.spares.open();
    await assert.rejects(world.spares.take(USUAL), /no loop device/);
    await until("it is reported", () => world.faults.length > 0);
    assert.match(String(world.faults[0]), /no loop device/);
  });

  test("lets all go when it is closed, those too that are still being made", async () => {
    const late = Promise.withResolvers<void>();
    const made: FakeDisk[] = [];
    using world = setUp({
      make: async (bytes) => {
        const disk = new FakeDisk(bytes);
        made.push(disk);
        if (made.length === 3) await late.promise;
        return disk;
      },
    });
    world.spares.open();
    await until("the third is being made", () => made.length === 3);
    world.spares.close();
    late.resolve();
    await until("all are let go", () => made.every(({ isHeld }) => !isHeld));
    assert.equal(made.length, 3);
  });
});
