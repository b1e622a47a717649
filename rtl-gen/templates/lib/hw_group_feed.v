// RowFeed for group columns (numerics, section 5): a vector becomes scale groups, one of every K-tile band a cycle.
// First group BEATS + 3 cycles after the first beat in; where it waits, 4 cycles after `go`.
`include "hw_round.vh"
module hw_group_feed #(
  parameter V = 8,                    // elements of a beat; a multiple or a divisor of GROUP
  parameter LEN = 64,                 // elements of the vector
  parameter IB = 16,                  // bits of an element
  parameter A = 12,                   // bits of an activation
  parameter GROUP = 32,               // inputs of a scale group
  parameter WORDS = 2,                // groups of a band
  parameter PLAYED = 2,               // groups played: those of the longest band
  parameter BANDS = 1,                // bands of WORDS groups, each whole beats where there is more than one
  parameter WAITS = 0,                // 1: plays once `go` has come
  parameter SUMS = 0,                 // 1: a matrix needs the groups' sums of activations
  parameter AB = 17,                  // bits of such a sum
  parameter WW = 2                    // bits of a word number
) (
  input clk,                          // clock: registers change at its rising edge
  input rst,                          // synchronous; a vector that is on its way is forgotten
  input in_valid,                     // a beat comes
  input [V*IB-1:0] in_data,           // its elements, the first lowest
  input go,                           // the experts are chosen
  output word_valid,                  // a group of every band is on `a` in the next cycle
  output [WW-1:0] word,               // its number in the band
  output word_last,                   // it is the last
  output [BANDS*GROUP*A-1:0] a,       // activations of the word before, band 0 and its input 0 lowest
  output [4:0] h,                     // shift of the vector
  output [BANDS*AB-1:0] asum          // sums of the activations of two cycles before
);
  localparam BEATS = (LEN + V - 1) / V;
  localparam BW = $clog2(BEATS + 1);
  localparam STORES = (GROUP > V) ? GROUP / V : 1;     // memories of a band, each a beat wide, read together
  localparam PICKS = (V > GROUP) ? V / GROUP : 1;      // groups in a beat
  localparam DEPTH = (WORDS + PICKS - 1) / PICKS;
  localparam DW = $clog2(DEPTH + 1);
  localparam EIGHTS = (GROUP + 7) / 8;
  `HW_ROUND_DOWN(round, IB, 5, A)

  wire [BW-1:0] count;
  wire full;
  hw_magnitude #(.V(V), .BEATS(BEATS), .BW(BW), .IB(IB), .A(A)) magnitude (
    .clk(clk), .rst(rst), .in_valid(in_valid), .in_data(in_data), .count(count), .full(full), .h(h));

  // A group is read, picked from its beat, rounded. Its number goes ahead of it, for the ROM to be read meanwhile.
  reg told_q, playing_q, playing_d;
  reg [WW-1:0] at_q, at_d;
  reg [2:1] valid_q;
  reg [2*WW-1:0] word_q;
  wire start = (WAITS != 0) ? told_q : full;
  wire reading = start || playing_q;
  wire [WW-1:0] picked = word_q[0 +: WW];
  assign word_valid = valid_q[2];
  assign word = word_q[WW +: WW];
  assign word_last = word_valid && word == PLAYED - 1;

  always @* begin
    at_d = at_q;
    playing_d = playing_q;
    if (reading) begin
      at_d = (at_q == PLAYED - 1) ? 0 : at_q + 1;
      playing_d = at_q != PLAYED - 1;
    end
  end

  always @(posedge clk) begin
    told_q <= go;
    playing_q <= playing_d;
    at_q <= at_d;
    valid_q <= {valid_q[1], reading};
    word_q <= {word_q[WW-1:0], at_q};
    if (rst) begin
      told_q <= 0; playing_q <= 0; at_q <= 0; valid_q <= 0;
    end
  end

  genvar j, s;
  generate
    for (j = 0; j < BANDS; j = j + 1) begin : band
      localparam FIRST = j * WORDS * GROUP / V;        // beat
      localparam LEFT = LEN - j * WORDS * GROUP;
      localparam MINE = (LEFT < WORDS * GROUP) ? LEFT : WORDS * GROUP;
      localparam ENDS = FIRST + (MINE + V - 1) / V;
      wire [STORES*V*IB-1:0] beat;
      wire [BW-1:0] mine = count - FIRST;
      for (s = 0; s < STORES; s = s + 1) begin : store
        hw_sram #(.WIDTH(V*IB), .DEPTH(DEPTH), .AW(DW)) elements (
          .clk(clk), .we(in_valid && count >= FIRST && count < ENDS && mine % STORES == s), .waddr(mine / STORES), .wdata(in_data),
          .re(reading), .raddr(at_q / PICKS), .rdata(beat[s*V*IB +: V*IB]));
      end

      reg [GROUP*IB-1:0] elements_d, elements_q;
      reg [GROUP*A-1:0] a_d, a_q;
      reg [A:0] rounded;
      integer i, k;
      always @* begin
        elements_d = beat[(picked%PICKS)*GROUP*IB +: GROUP*IB];
        for (i = 0; i < GROUP; i = i + 1) if (picked * GROUP + i >= MINE) elements_d[i*IB +: IB] = 0;
      end
      always @* for (k = 0; k < GROUP; k = k + 1) begin
        rounded = round($signed(elements_q[k*IB +: IB]), h);
        a_d[k*A +: A] = rounded[A-1:0];
      end
      always @(posedge clk) begin
        if (valid_q[1]) elements_q <= elements_d;
        if (valid_q[2]) a_q <= a_d;
      end
      assign a[j*GROUP*A +: GROUP*A] = a_q;

      if (SUMS != 0) begin : sums
        reg [EIGHTS*AB-1:0] eights_d, eights_q;
        reg signed [AB-1:0] eight, asum_d, asum_q;
        integer e, n, m;
        always @* for (e = 0; e < EIGHTS; e = e + 1) begin
          eight = 0;
          for (n = 8 * e; n < 8 * e + 8 && n < GROUP; n = n + 1) eight = eight + $signed(a_q[n*A +: A]);
          eights_d[e*AB +: AB] = eight;
        end
        always @* begin
          asum_d = 0;
          for (m = 0; m < EIGHTS; m = m + 1) asum_d = asum_d + $signed(eights_q[m*AB +: AB]);
        end
        always @(posedge clk) begin
          eights_q <= eights_d;
          asum_q <= asum_d;
        end
        assign asum[j*AB +: AB] = asum_q;
      end else begin : no_sums
        assign asum[j*AB +: AB] = 0;
      end
    end
  endgenerate
endmodule
