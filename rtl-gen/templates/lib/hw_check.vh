// Checks that make no logic. Each stands on a line of its own, which is not part of a module's digest in rtl-gen/synth.py.
`ifndef HW_CHECK_VH
`define HW_CHECK_VH

// Parameters that do not go together stop elaboration under every tool. Verilog-2005 has no message for that, and Icarus 11 does not take
// SystemVerilog's; so where CONDITION is false a module is instantiated that does not exist, and its name, COMPLAINT, is the message.
`define HW_REQUIRE(CONDITION, COMPLAINT) generate if (!(CONDITION)) begin : COMPLAINT COMPLAINT missing (); end endgenerate

// Reads the image of a mask ROM into the memory MEM. One that is missing ends the simulation, which would otherwise compute with anything.
`ifdef SYNTHESIS
`define HW_IMAGE(FILE, MEM) initial $readmemh(FILE, MEM);
`else
`define HW_IMAGE(FILE, MEM) \
  initial begin : image_check \
    integer image; \
    image = $fopen(FILE, "r"); \
    if (image == 0) begin \
      $display("error ROM image \"%0s\" of %m is not here: run in the folder that holds rom/", FILE); \
      $fatal(1); \
    end else begin \
      $fclose(image); \
      $readmemh(FILE, MEM); \
    end \
  end
`endif
`endif
