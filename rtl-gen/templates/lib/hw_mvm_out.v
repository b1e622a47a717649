// Output stage of one matrix (numerics, section 6): sums the K-tiles of each lane, shifts, saturates, adds the bias.
// A beat of totals in cycle c leaves in c + 2 + max(1, ceil(log2 BANDS)), with a bias one later.
`include "hw_round.vh"
`include "hw_layers.vh"
module hw_mvm_out #(
`ifdef HW_LAYERS
  parameter LAYERS = 1,          // layers that share the module, each with ROM of its own
  parameter LW = 1,              // bits of a layer's number
`endif
  parameter V = 8,               // lanes: elements a beat
  parameter BEATS = 8,           // beats of the outputs
  parameter BANDS = 1,           // K-tiles, or groups in metal embedding, whose totals are added
  parameter TOT = 30,            // bits of a total
  parameter OB = 16,             // bits of an output element
  parameter SHIFT_BITS = 8,      // bits of an output's shift, signed
  parameter BIAS = 0,            // 1: a bias is added
  parameter SHIFTS = "",         // image of the shifts: a word a beat, V of SHIFT_BITS bits, signed
  parameter BIASES = ""          // image of the biases: a word a beat, V of 32 bits, signed
) (
`ifdef HW_LAYERS
  input [LW-1:0] layer,          // which of them the token is in, from 0
`endif
  input clk,                     // clock: registers change at its rising edge
  input rst,                     // reset: synchronous, active high
  input drain,                   // a beat of totals is on `totals`
  input [BANDS*V*TOT-1:0] totals, // band j, lane l at j * V + l, TOT bits, signed
  input [4:0] h,                 // bits by which the vector was shifted to the right: they are given back
  output out_valid,              // a beat is on out_data
  output [V*OB-1:0] out_data,    // V elements of OB bits, signed, lane 0 lowest
  output ovf                     // with out_valid: an element of the beat was too large for OB bits and was clamped
);
  localparam LEVELS = (BANDS > 2) ? $clog2(BANDS) : 1;
  localparam BW = $clog2(BEATS + 1);
  localparam SB = SHIFT_BITS + 1;
  `HW_ROUND(round, TOT, SB + 1, OB)
  `HW_BY(shift_by, SB)

  `HW_BEAT(rounded, V, OB, input [V*TOT-1:0] sums; input [V*(SB+1)-1:0] by;,
    round($signed(sums[lane*TOT +: TOT]), by[lane*(SB+1) +: SB+1]))
  // The totals lane by lane, the bands of one side by side.
  function [V*BANDS*TOT-1:0] by_lane;
    input [BANDS*V*TOT-1:0] of;
    integer j, l;
    for (j = 0; j < BANDS; j = j + 1)
      for (l = 0; l < V; l = l + 1) by_lane[(l*BANDS+j)*TOT +: TOT] = of[(j*V+l)*TOT +: TOT];
  endfunction
  // To the right, what an output's shift leaves of it when `h` is given back.
  function signed [SB-1:0] less;
    input signed [SHIFT_BITS-1:0] shift;
    input [4:0] given;
    less = shift - $signed({1'b0, given});
  endfunction

  reg [LEVELS+2:1] valid_q;      // beats in the stages: totals; sums of each level; rounded
  wire [LEVELS+2:0] valid = {valid_q, drain};
  reg [V*BANDS*TOT-1:0] total_q;
  reg [BW-1:0] at_q;             // beat whose shifts are read next
  reg [V*(SB+1)-1:0] by_q;
  reg ovf_q;
  reg [V*OB-1:0] rounded_q;
  wire [V*SHIFT_BITS-1:0] shifts;
  wire [V*TOT-1:0] sums;
`ifdef HW_LAYERS
  hw_layer_rom #(.LAYERS(LAYERS), .LW(LW), .WIDTH(V*SHIFT_BITS), .DEPTH(BEATS), .AW(BW), .FILE(SHIFTS)) shift_rom (.clk(clk), .layer(layer), .en(valid[LEVELS-1]), .addr(at_q), .data(shifts));
`else
  hw_rom #(.WIDTH(V*SHIFT_BITS), .DEPTH(BEATS), .AW(BW), .FILE(SHIFTS)) shift_rom (.clk(clk), .en(valid[LEVELS-1]), .addr(at_q), .data(shifts));
`endif
  hw_tree #(.TREES(V), .TERMS(BANDS), .STAGES(LEVELS), .RADIX(2), .IB(TOT), .OB(TOT)) tree (
    .clk(clk), .enable(valid[LEVELS:1]), .terms(total_q), .sums(sums));

  integer l;
  always @(posedge clk) begin
    valid_q <= valid[LEVELS+1:0];
    // The stages, last one first.
    ovf_q <= 0;
    if (valid[LEVELS+1]) {ovf_q, rounded_q} <= rounded(sums, by_q);
    if (valid[LEVELS]) for (l = 0; l < V; l = l + 1)
      by_q[l*(SB+1) +: SB+1] <= shift_by(less($signed(shifts[l*SHIFT_BITS +: SHIFT_BITS]), h));
    if (valid[LEVELS-1]) at_q <= (at_q == BEATS - 1) ? 0 : at_q + 1;
    if (drain) total_q <= by_lane(totals);
    if (rst) begin
      valid_q <= 0; at_q <= 0; ovf_q <= 0;
    end
  end

  generate
    if (BIAS != 0) begin : bias
      reg [BW-1:0] bias_at_q;    // beat whose biases are read next
      wire [V*32-1:0] biases;
      wire last;
`ifdef HW_LAYERS
      hw_layer_rom #(.LAYERS(LAYERS), .LW(LW), .WIDTH(V*32), .DEPTH(BEATS), .AW(BW), .FILE(BIASES)) bias_rom (
        .clk(clk), .layer(layer), .en(valid[LEVELS+1]), .addr(bias_at_q), .data(biases));
`else
      hw_rom #(.WIDTH(V*32), .DEPTH(BEATS), .AW(BW), .FILE(BIASES)) bias_rom (
        .clk(clk), .en(valid[LEVELS+1]), .addr(bias_at_q), .data(biases));
`endif
      hw_sum #(.V(V), .AB(OB), .BB(32), .OB(OB)) sum (
        .clk(clk), .rst(rst), .in_valid(valid[LEVELS+2]), .in_last(1'b0), .in_ovf(ovf_q), .a(rounded_q), .b(biases),
        .out_valid(out_valid), .out_last(last), .out_data(out_data), .ovf(ovf));
      always @(posedge clk) begin
        if (valid[LEVELS+1]) bias_at_q <= (bias_at_q == BEATS - 1) ? 0 : bias_at_q + 1;
        if (rst) bias_at_q <= 0;
      end
    end else begin : no_bias
      assign ovf = ovf_q;
      assign out_valid = valid[LEVELS+2];
      assign out_data = rounded_q;
    end
  endgenerate
endmodule
