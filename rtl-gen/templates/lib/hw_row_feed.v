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
  output reg row_valid,          // a row is on the ports
  output reg [RW-1:0] row,       // its number, from 0
  output reg row_end,            // it is the last row of its group
  output reg row_last,           // it is the last row of the vector
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

  wire [BW-1:0] count;
  wire full;
  hw_magnitude #(.V(V), .BEATS(BEATS), .BW(BW), .IB(IB), .A(A)) magnitude (
    .clk(clk), .rst(rst), .in_valid(in_valid), .in_data(in_data), .count(count), .full(full), .h(h));
  reg told;
  wire start = (WAITS != 0) ? told : full;
  reg playing, r1, r2;
  reg [RW-1:0] at, at1, at2;
  reg [RW-1:0] in_group;
  reg end1, end2, end3;
  wire reading = start || playing;

  always @(posedge clk) begin
    told <= go;
    if (start) playing <= PLAYED > 1;
    if (reading) begin
      at <= (at == PLAYED - 1) ? 0 : at + 1;
      if (at == PLAYED - 1) playing <= 0;
    end
    r1 <= reading;
    r2 <= r1;
    at1 <= at;
    at2 <= at1;
    row_valid <= r2;
    row <= at2;
    row_last <= r2 && at2 == PLAYED - 1;
    row_end <= r2 && in_group == GROUP - 1;
    if (r2) in_group <= (in_group == GROUP - 1) ? 0 : in_group + 1;
    end1 <= row_end;
    end2 <= end1;
    if (rst) begin
      told <= 0; playing <= 0; at <= 0; r1 <= 0; r2 <= 0; in_group <= 0;
      row_valid <= 0; row_last <= 0; row_end <= 0; end1 <= 0; end2 <= 0;
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
      wire [DW-1:0] raddr = (OFF + at) / V;
      hw_sram #(.WIDTH(V*IB), .DEPTH(DEPTH), .AW(DW)) store (
        .clk(clk), .we(we), .waddr(count - LO), .wdata(in_data), .re(reading && at < MINE), .raddr(raddr), .rdata(word));
      reg signed [IB-1:0] element;
      reg signed [A-1:0] out;
      reg [A:0] rounded;
      always @(posedge clk) begin
        if (r2) begin
          rounded = round(element, h);
          out <= rounded[A-1:0];
        end
        if (r1) element <= (at1 < MINE) ? word[((OFF + at1) % V)*IB +: IB] : 0;
      end
      assign a[j*A +: A] = out;
      if (SUMS != 0) begin : sum
        reg signed [AB-1:0] acc, next, cap1, cap2, cap3;
        reg fresh;
        always @(posedge clk) begin
          if (row_valid) begin
            next = (fresh ? 0 : acc) + out;
            acc <= next;
            fresh <= row_end;
            if (row_end) cap1 <= next;
          end
          if (end1) cap2 <= cap1;
          if (end2) cap3 <= cap2;
          if (rst) fresh <= 1;
        end
        assign asum[j*AB +: AB] = cap3;
      end else begin : no_sum
        assign asum[j*AB +: AB] = 0;
      end
    end
  endgenerate
endmodule
