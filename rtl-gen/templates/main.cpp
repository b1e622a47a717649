// Runs the testbench under Verilator: toggles the clock until $finish, or $fatal, which is exit status 1. Built with tracing,
// +trace=FILE records a waveform.
#include "Vhardwire_tb.h"
#include "verilated.h"
#if VM_TRACE
#include <string>
#ifdef HW_FST
#include "verilated_fst_c.h"
using Waveform = VerilatedFstC;
#else
#include "verilated_vcd_c.h"
using Waveform = VerilatedVcdC;
#endif
#endif

int main(int argc, char** argv) {
    VerilatedContext context;
    context.commandArgs(argc, argv);
    context.fatalOnError(false);
#if VM_TRACE
    context.traceEverOn(true);
#endif
    Vhardwire_tb top{&context};
#if VM_TRACE
    Waveform trace;
    const std::string name = context.commandArgsPlusMatch("trace=");
    const bool tracing = !name.empty();
    if (tracing) {
        top.trace(&trace, 99);
        trace.open(name.substr(7).c_str());
    }
#endif
    while (!context.gotFinish()) {
        top.clk = !top.clk;
        top.eval();
        context.timeInc(1);
#if VM_TRACE
        if (tracing) trace.dump(context.time());
#endif
    }
#if VM_TRACE
    if (tracing) trace.close();
#endif
    top.final();
    return context.gotError() ? 1 : 0;
}
