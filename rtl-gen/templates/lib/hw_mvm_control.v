// Conductor of one matrix: turns the row stream into the steps of all its tiles (see hw_mvm_tile) and of its output stage.
`include "hw_check.vh"
`include "hw_mvm_steps.vh"
module hw_mvm_control #(
  parameter STEPS = 8,           // steps of a scan: outputs of a block / V
  parameter GROUPS = 2,          // scale groups of the rows played
  parameter BEATS = 8,           // beats of the outputs
  parameter RW = 6,              // bits of a row number
  parameter SW = 4,              // bits of a step number
  parameter CW = 5,              // bits of a scale address
  parameter KW = 1               // bits of a block number
) (
  input clk,                     // clock: registers change at its rising edge
  input rst,                     // reset: synchronous, active high
  input row_valid,               // a row is on the ports
  input [RW-1:0] row,            // its number, from 0
  input row_end,                 // it is the last row of its group
  input row_last,                // it is the last row of the vector
  output [`HW_MVM_STEPS_BITS(RW, SW, CW, KW)-1:0] ctl, // the steps of the tiles, laid out in hw_mvm_steps.vh
  output reg drain               // a beat of totals is on the tiles' outputs
);
  `HW_REQUIRE((1 << SW) >= STEPS, hw_mvm_control_SW_is_too_small_for_STEPS)
  localparam BW = $clog2(BEATS + 1);
  reg pick, add, add_end, pick_end, last1, last2;
  reg scan, lift, mul, sum, acc_valid;
  reg [SW-1:0] step, lift_step, mul_step, sum_step, acc_step;
  reg [CW-1:0] at;
  reg first_group, last_group, lift_first, lift_last, mul_first, mul_last, sum_first, sum_last, acc_first;
  reg run;
  reg [BW-1:0] beat;
  reg [SW-1:0] drain_step;
  reg [KW-1:0] block;

  assign ctl = `HW_MVM_STEPS;

  always @(posedge clk) begin
    // Rows: product bank and ROM, pick, add.
    pick <= row_valid; pick_end <= row_end; last1 <= row_last;
    add <= pick; add_end <= pick_end; last2 <= last1;
    // Scan of a group's shadows.
    if (add && add_end) begin
      scan <= 1;
      step <= 0;
      first_group <= last_group;
      last_group <= last2;
    end else if (scan) begin
      step <= step + 1;
      if (step == STEPS - 1) scan <= 0;
    end
    if (scan) at <= (last_group && step == STEPS - 1) ? 0 : at + 1;
    lift <= scan; lift_step <= step; lift_first <= first_group; lift_last <= last_group;
    mul <= lift; mul_step <= lift_step; mul_first <= lift_first; mul_last <= lift_last;
    sum <= mul; sum_step <= mul_step; sum_first <= mul_first; sum_last <= mul_last;
    acc_valid <= sum; acc_step <= sum_step; acc_first <= sum_first;
    // Drain: block 0 as its totals are formed, the others from their memories.
    drain <= run;
    if (sum && sum_last && sum_step == 0) begin
      run <= 1;
      beat <= 0;
      drain_step <= 0;
      block <= 0;
    end else if (run) begin
      beat <= beat + 1;
      if (beat == BEATS - 1) run <= 0;
      if (drain_step == STEPS - 1) begin
        drain_step <= 0;
        block <= block + 1;
      end else drain_step <= drain_step + 1;
    end
    if (rst) begin
      pick <= 0; add <= 0; pick_end <= 0; add_end <= 0; last1 <= 0; last2 <= 0;
      scan <= 0; lift <= 0; mul <= 0; sum <= 0; acc_valid <= 0; step <= 0; at <= 0; last_group <= 1; first_group <= 1;
      run <= 0; drain <= 0; block <= 0; drain_step <= 0;
    end
  end
endmodule
