"""Every vector of vectors.json goes in byte by byte; the outputs are those of the reference, bit for bit."""
import json
import pathlib

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles

CASES = json.loads((pathlib.Path(__file__).parent / "vectors.json").read_text())


@cocotb.test()
async def outputs_are_the_references(dut):
    cocotb.start_soon(Clock(dut.clk, 20, "ns").start())
    dut.ena.value, dut.ui_in.value, dut.uio_in.value, dut.rst_n.value = 1, 0, 0, 0
    await ClockCycles(dut.clk, 10)
    dut.rst_n.value = 1
    await ClockCycles(dut.clk, 4)
    for case in CASES["vectors"]:
        for value in case["inputs"]:
            for byte in (value & (1 << 8 * CASES["in_bytes"]) - 1).to_bytes(CASES["in_bytes"], "little"):
                dut.ui_in.value, dut.uio_in.value = byte, 1
                await ClockCycles(dut.clk, 4)
                dut.uio_in.value = 0
                await ClockCycles(dut.clk, 4)
        # The scan of the outputs.
        for _ in range(1000):
            if int(dut.uio_out.value) & 2:
                break
            await ClockCycles(dut.clk, 1)
        got = []
        for _ in range(CASES["sent"]):
            taken = bytearray()
            for _ in range(CASES["out_bytes"]):
                assert int(dut.uio_out.value) & 2, "an answer is missing"
                taken.append(int(dut.uo_out.value))
                dut.uio_in.value = 4
                await ClockCycles(dut.clk, 4)
                dut.uio_in.value = 0
                await ClockCycles(dut.clk, 4)
            got.append(int.from_bytes(taken, "little", signed=True))
        assert got[: len(case["outputs"])] == case["outputs"], (got, case["outputs"])
        assert not int(dut.uio_out.value) & 2, "bytes are left"
