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
  output reg out_valid,          // a beat is on out_data
  output reg [V*OB-1:0] out_data, // V elements of OB bits, signed, lane 0 lowest
  output reg out_last,           // it is the last of the row
  output reg ovf                 // with out_valid: an element of the beat was too large for OB bits and was clamped
);
  `HW_REQUIRE(BEATS * V >= LEN, hw_embed_BEATS_do_not_hold_LEN)
  `HW_REQUIRE(GROUP * GROUPS >= LEN, hw_embed_GROUPS_do_not_hold_LEN)
  `HW_REQUIRE((1 << TW) >= TOKENS, hw_embed_TW_is_too_small_for_TOKENS)
  localparam OFB = (OFFSET_BITS > 0) ? OFFSET_BITS : 1;
  localparam REC = SHIFT_BITS + GROUPS * (SCALE_BITS + OFFSET_BITS);
  localparam PB = VALUE_BITS + SCALE_BITS;
  localparam WB = ((PB > OFB) ? PB : OFB) + 1;
  localparam BW = $clog2(BEATS + 1);
  `HW_ROUND(round, WB, SHIFT_BITS + 1, OB)
  `HW_BY(shift_by, SHIFT_BITS)
  `HW_GIVING(V, OB)

  reg [TW-1:0] id;
  reg s1;
  reg [AW-1:0] base;
  reg run;
  reg [BW-1:0] beat;
  reg element [0:V-1];           // of stage 3: the lane is one, of group `group`
  integer group [0:V-1];
  reg [4:0] v;                   // valid of stages 3 to 7
  reg [4:0] last;
  wire [REC-1:0] record;
  wire [V*CODE_BITS-1:0] codes;
  reg [SHIFT_BITS:0] by;         // stands long before the sums

  hw_rom #(.WIDTH(REC), .DEPTH(TOKENS), .AW(TW), .FILE(SCALES)) scale_rom (.clk(clk), .en(s1), .addr(id), .data(record));
  wire [AW-1:0] at = base + beat;
  hw_rom #(.WIDTH(V*CODE_BITS), .DEPTH(TOKENS*BEATS), .AW(AW), .FILE(CODES)) code_rom (.clk(clk), .en(run), .addr(at), .data(codes));

  reg signed [VALUE_BITS-1:0] value [0:V-1];
  reg signed [SCALE_BITS-1:0] scale [0:V-1];
  reg signed [OFB-1:0] offset [0:V-1], offset5 [0:V-1];
  reg signed [PB-1:0] product [0:V-1];
  reg signed [WB-1:0] sum [0:V-1];
  integer l, g;

  always @(posedge clk) begin
    s1 <= start;
    if (start) id <= token;
    if (s1) begin
      base <= id * BEATS;
      beat <= 0;
      run <= 1;
    end else if (run) begin
      beat <= beat + 1;
      if (beat == BEATS - 1) run <= 0;
    end
    v <= {v[3:0], run};
    last <= {last[3:0], run && beat == BEATS - 1};
    out_valid <= v[3];
    out_last <= v[3] && last[3];
    ovf <= 0;
    by <= shift_by($signed(record[REC-1 -: SHIFT_BITS]));
    if (v[3]) `HW_GIVE(V, OB, round(sum[l], by))
    if (v[2]) for (l = 0; l < V; l = l + 1) sum[l] = product[l] + offset5[l];
    if (v[1]) for (l = 0; l < V; l = l + 1) begin
      product[l] = value[l] * scale[l];
      offset5[l] = offset[l];
    end
    if (v[0]) for (l = 0; l < V; l = l + 1) begin
      g = group[l];
      value[l] = 0;
      offset[l] = 0;
      if (element[l]) begin
        value[l] = CODEBOOK[codes[l*CODE_BITS +: CODE_BITS]*VALUE_BITS +: VALUE_BITS];
        if (OFFSET_BITS > 0) offset[l] = record[GROUPS*SCALE_BITS + g*OFFSET_BITS +: OFB];
      end
      scale[l] = record[g*SCALE_BITS +: SCALE_BITS];
    end
    for (l = 0; l < V; l = l + 1) begin
      g = (GROUPS == 1) ? 0 : (beat * V + l) / GROUP;
      group[l] = (g >= GROUPS) ? GROUPS - 1 : g;
      element[l] = beat * V + l < LEN;
    end
    if (rst) begin
      s1 <= 0; run <= 0; v <= 0; last <= 0; out_valid <= 0; out_last <= 0; ovf <= 0;
    end
  end
endmodule
