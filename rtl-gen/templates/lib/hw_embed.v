// Embed (numerics, section 3): a token's row of codes, V a beat, times its scales. First beat 7 cycles after acceptance.
`include "hw_round.vh"
`include "hw_check.vh"
module hw_embed #(
  parameter V = 8,               // lanes: elements a beat
  parameter LEN = 64,            // elements of a row
  parameter BEATS = 8,           // beats of a row: LEN / V, rounded up
  parameter TOKENS = 2,          // rows of the table
  parameter TW = 1,              // bits of a row number
  parameter AW = 4,              // bits of an address into the codes
  parameter CODE_BITS = 4,       // bits of a code
  parameter VALUE_BITS = 5,      // bits of a value of the codebook, signed
  parameter [(1<<CODE_BITS)*VALUE_BITS-1:0] CODEBOOK = 0, // the value of every code, code 0 lowest
  parameter GROUP = 32,          // elements that share a scale
  parameter GROUPS = 2,          // scales of a row
  parameter SCALE_BITS = 8,      // bits of a scale's mantissa, signed
  parameter OFFSET_BITS = 0,     // bits of an offset's mantissa, signed; 0: no offsets
  parameter SHIFT_BITS = 8,      // bits of a row's shift, signed
  parameter OB = 32,             // bits of an output element
  parameter CODES = "",          // image of the codes: a word a beat, row by row, lane 0 lowest
  parameter SCALES = ""          // image of the records, a word a row: scales, offsets above, the shift at the top
) (
  input clk,                     // clock: registers change at its rising edge
  input rst,                     // reset: synchronous, active high
  input start,                   // the row of `token` is wanted
  input [TW-1:0] token,          // its number
  output out_valid,          // a beat is on out_data
  output [V*OB-1:0] out_data, // V elements of OB bits, signed, lane 0 lowest
  output out_last,           // it is the last of the row
  output ovf                 // with out_valid: an element of the beat was too large for OB bits and was clamped
);
  `HW_REQUIRE(BEATS * V >= LEN, hw_embed_BEATS_do_not_hold_LEN)
  `HW_REQUIRE(GROUP * GROUPS >= LEN, hw_embed_GROUPS_do_not_hold_LEN)
  `HW_REQUIRE((1 << TW) >= TOKENS, hw_embed_TW_is_too_small_for_TOKENS)
  localparam OFB = (OFFSET_BITS > 0) ? OFFSET_BITS : 1;
  localparam REC = SHIFT_BITS + GROUPS * (SCALE_BITS + OFFSET_BITS);
  localparam PB = VALUE_BITS + SCALE_BITS;
  localparam WB = ((PB > OFB) ? PB : OFB) + 1;
  localparam BW = $clog2(BEATS + 1);
  localparam GW = (GROUPS > 1) ? $clog2(GROUPS) : 1;
  `HW_ROUND(round, WB, SHIFT_BITS + 1, OB)
  `HW_BY(shift_by, SHIFT_BITS)
  `HW_BEAT(rounded, V, OB, input [V*WB-1:0] sums; input [SHIFT_BITS:0] shift;, round($signed(sums[lane*WB +: WB]), shift))
  // Group of lane `l` of beat `at`; of those past the end the last one.
  function [GW-1:0] group_of;
    input [BW-1:0] at;
    input integer l;
    integer group;
    begin
      group = (GROUPS == 1) ? 0 : (at * V + l) / GROUP;
      group_of = (group >= GROUPS) ? GROUPS - 1 : group;
    end
  endfunction

  reg started_q;                 // the token's number stands
  reg [TW-1:0] id_q;
  reg [AW-1:0] base_q;           // address of its first beat
  reg running_q;
  reg [BW-1:0] beat_q;           // beat that is read
  reg [3:0] valid_q;             // beats in the stages: codes and record read; values; products; sums
  reg [3:0] last_q;
  reg [V*GW-1:0] group_q;        // of the codes that come from ROM, lane 0 lowest
  reg [V-1:0] element_q;         // the lane is one: it lies not past the end
  reg [V*VALUE_BITS-1:0] value_q;
  reg [V*SCALE_BITS-1:0] scale_q;
  reg [V*OFB-1:0] offset_q, offset2_q;
  reg [V*PB-1:0] product_q;
  reg [V*WB-1:0] sum_q;
  reg [SHIFT_BITS:0] shift_q;    // stands long before the sums
  reg out_valid_q, out_last_q, ovf_q;
  reg [V*OB-1:0] out_data_q;
  wire [REC-1:0] record;
  wire [V*CODE_BITS-1:0] codes;
  wire [AW-1:0] address = base_q + beat_q;
  assign out_valid = out_valid_q;
  assign out_last = out_last_q;
  assign out_data = out_data_q;
  assign ovf = ovf_q;
  hw_rom #(.WIDTH(REC), .DEPTH(TOKENS), .AW(TW), .FILE(SCALES)) scale_rom (.clk(clk), .en(started_q), .addr(id_q), .data(record));
  hw_rom #(.WIDTH(V*CODE_BITS), .DEPTH(TOKENS*BEATS), .AW(AW), .FILE(CODES)) code_rom (
    .clk(clk), .en(running_q), .addr(address), .data(codes));

  integer l;
  always @(posedge clk) begin
    started_q <= start;
    if (start) id_q <= token;
    if (started_q) base_q <= id_q * BEATS;
    beat_q <= started_q ? 0 : running_q ? beat_q + 1 : beat_q;
    running_q <= started_q || (running_q && beat_q != BEATS - 1);
    valid_q <= {valid_q[2:0], running_q};
    last_q <= {last_q[2:0], running_q && beat_q == BEATS - 1};
    shift_q <= shift_by($signed(record[REC-1 -: SHIFT_BITS]));
    // The stages, last one first.
    out_valid_q <= valid_q[3];
    out_last_q <= valid_q[3] && last_q[3];
    ovf_q <= 0;
    if (valid_q[3]) {ovf_q, out_data_q} <= rounded(sum_q, shift_q);
    if (valid_q[2]) for (l = 0; l < V; l = l + 1)
      sum_q[l*WB +: WB] <= $signed(product_q[l*PB +: PB]) + $signed(offset2_q[l*OFB +: OFB]);
    if (valid_q[1]) begin
      for (l = 0; l < V; l = l + 1)
        product_q[l*PB +: PB] <= $signed(value_q[l*VALUE_BITS +: VALUE_BITS]) * $signed(scale_q[l*SCALE_BITS +: SCALE_BITS]);
      offset2_q <= offset_q;
    end
    if (valid_q[0]) for (l = 0; l < V; l = l + 1) begin
      value_q[l*VALUE_BITS +: VALUE_BITS] <= element_q[l] ? CODEBOOK[codes[l*CODE_BITS +: CODE_BITS]*VALUE_BITS +: VALUE_BITS] : 0;
      scale_q[l*SCALE_BITS +: SCALE_BITS] <= record[group_q[l*GW +: GW]*SCALE_BITS +: SCALE_BITS];
      offset_q[l*OFB +: OFB] <=
        (OFFSET_BITS > 0 && element_q[l]) ? record[GROUPS*SCALE_BITS + group_q[l*GW +: GW]*OFFSET_BITS +: OFB] : {OFB{1'b0}};
    end
    for (l = 0; l < V; l = l + 1) begin
      group_q[l*GW +: GW] <= group_of(beat_q, l);
      element_q[l] <= beat_q * V + l < LEN;
    end
    if (rst) begin
      started_q <= 0; running_q <= 0; valid_q <= 0; last_q <= 0; out_valid_q <= 0; out_last_q <= 0; ovf_q <= 0;
    end
  end
endmodule
