// RowFeed (numerics, section 5): a vector becomes rows for the tiles, one row of every K-tile band a cycle.
// First row BEATS + 3 cycles after the first beat in; where it waits, 4 cycles after `go`.
`include "hw_round.vh"
`include "hw_check.vh"
module hw_row_feed #(
  parameter V = 8,               // lanes: elements a beat
  parameter LEN = 64,            // elements of a vector
  parameter IB = 16,             // bits of an input element
  parameter A = 12,              // bits of an activation
  parameter ROWS = 64,           // rows of a band that hold weights
  parameter GROUP = 32,          // rows that share a scale
  parameter PLAYED = 64,         // rows played: whole groups of the longest band
  parameter BANDS = 1,           // K-tile bands, played side by side
  parameter WAITS = 0,           // 1: rows are played once `go` has come; 0: when the vector is in
  parameter SUMS = 0,            // 1: some matrix has offsets or a centre and needs the groups' sums
  parameter AB = 17,             // bits of a group's activation sum
  parameter RW = 6               // bits of a row number
) (
  input clk,                     // clock: registers change at its rising edge
  input rst,                     // reset: synchronous, active high
  input in_valid,                // a beat is on in_data
  input [V*IB-1:0] in_data,      // V elements of IB bits, signed, lane 0 lowest
  input go,                      // with WAITS: play the rows
  output row_valid,          // a row is on the ports
  output [RW-1:0] row,       // its number, from 0
  output row_end,            // it is the last row of its group
  output row_last,           // it is the last row of the vector
  output [BANDS*A-1:0] a,        // an activation of every band, signed
  output [4:0] h,                // bits by which the vector was shifted to the right
  output [BANDS*AB-1:0] asum     // each band's sum over a group, signed; stands from two cycles after row_end
);
  `HW_REQUIRE(PLAYED % GROUP == 0, hw_row_feed_plays_whole_groups)
  `HW_REQUIRE(BANDS * ROWS >= LEN, hw_row_feed_bands_do_not_hold_LEN)
  `HW_REQUIRE((1 << RW) >= PLAYED, hw_row_feed_RW_is_too_small_for_PLAYED)
  localparam BEATS = (LEN + V - 1) / V;
  localparam BW = $clog2(BEATS + 1);
  localparam DEPTH = (ROWS % V == 0) ? ROWS / V : (ROWS + 2 * V - 2) / V;
  localparam DW = $clog2(DEPTH + 1);
  `HW_ROUND_DOWN(round, IB, 5, A)
  function [A-1:0] activation;
    input signed [IB-1:0] x;
    input [4:0] by;
    reg [A:0] rounded;
    begin
      rounded = round(x, by);
      activation = rounded[A-1:0];
    end
  endfunction

  wire [BW-1:0] count;
  wire full;
  hw_magnitude #(.V(V), .BEATS(BEATS), .BW(BW), .IB(IB), .A(A)) magnitude (
    .clk(clk), .rst(rst), .in_valid(in_valid), .in_data(in_data), .count(count), .full(full), .h(h));
  // Rows are read, picked from their word, rounded.
  reg told_q;                    // `go` came
  reg playing_q;
  reg word_q, element_q;         // a row is in the word that was read; picked from it
  reg [RW-1:0] at_q;             // row that is read
  reg [RW-1:0] word_at_q, element_at_q; // rows in these stages
  reg [RW-1:0] in_group_q;       // number within its group of the row that is rounded
  reg row_valid_q, row_end_q, row_last_q;
  reg [RW-1:0] row_q;
  reg ended_q, held_q;           // a group's sum stands; has stood for a cycle
  wire start = (WAITS != 0) ? told_q : full;
  wire reading = start || playing_q;
  assign row_valid = row_valid_q;
  assign row = row_q;
  assign row_end = row_end_q;
  assign row_last = row_last_q;

  always @(posedge clk) begin
    row_valid_q <= element_q;
    row_q <= element_at_q;
    row_last_q <= element_q && element_at_q == PLAYED - 1;
    row_end_q <= element_q && in_group_q == GROUP - 1;
    if (element_q) in_group_q <= (in_group_q == GROUP - 1) ? 0 : in_group_q + 1;
    element_q <= word_q;
    element_at_q <= word_at_q;
    word_q <= reading;
    word_at_q <= at_q;
    held_q <= ended_q;
    ended_q <= row_end_q;
    told_q <= go;
    if (reading) at_q <= (at_q == PLAYED - 1) ? 0 : at_q + 1;
    playing_q <= reading && at_q != PLAYED - 1;
    if (rst) begin
      told_q <= 0; playing_q <= 0; at_q <= 0; word_q <= 0; element_q <= 0; in_group_q <= 0;
      row_valid_q <= 0; row_last_q <= 0; row_end_q <= 0; ended_q <= 0; held_q <= 0;
    end
  end

  genvar j;
  generate
    for (j = 0; j < BANDS; j = j + 1) begin : band
      // Beats LO to HI hold elements of this band, the first OFF lanes of LO belong to the band before.
      localparam LO = (j * ROWS) / V;
      localparam OFF = (j * ROWS) % V;
      localparam MINE = (LEN - j * ROWS < ROWS) ? LEN - j * ROWS : ROWS;
      localparam HI = (j * ROWS + MINE - 1) / V;
      wire [V*IB-1:0] word;
      wire we = in_valid && count >= LO && count <= HI;
      wire [DW-1:0] raddr = (OFF + at_q) / V;
      hw_sram #(.WIDTH(V*IB), .DEPTH(DEPTH), .AW(DW)) store (
        .clk(clk), .we(we), .waddr(count - LO), .wdata(in_data), .re(reading && at_q < MINE), .raddr(raddr), .rdata(word));
      reg signed [IB-1:0] x_q;
      reg signed [A-1:0] a_q;
      always @(posedge clk) begin
        if (element_q) a_q <= activation(x_q, h);
        if (word_q) x_q <= (word_at_q < MINE) ? word[((OFF + word_at_q) % V)*IB +: IB] : 0;
      end
      assign a[j*A +: A] = a_q;
      if (SUMS != 0) begin : sum
        // The sum so far; of a whole group, and in the two cycles after.
        reg signed [AB-1:0] sum_q, group_q, group1_q, group2_q;
        reg fresh_q;
        wire signed [AB-1:0] sum_d = (fresh_q ? 0 : sum_q) + a_q;
        always @(posedge clk) begin
          if (held_q) group2_q <= group1_q;
          if (ended_q) group1_q <= group_q;
          if (row_valid_q) begin
            sum_q <= sum_d;
            fresh_q <= row_end_q;
            if (row_end_q) group_q <= sum_d;
          end
          if (rst) fresh_q <= 1;
        end
        assign asum[j*AB +: AB] = group2_q;
      end else begin : no_sum
        assign asum[j*AB +: AB] = 0;
      end
    end
  endgenerate
endmodule
