// RowFeed for metal embedding (numerics, section 5): a vector becomes planes of bits, one bit of every element a cycle, the sign first.
// First plane 2 BEATS + 2 cycles after the first beat in, then A of them.
`include "hw_round.vh"
module hw_bit_feed #(
  parameter V = 8,               // lanes: elements a beat
  parameter LEN = 64,            // elements of a vector
  parameter IB = 16,             // bits of an input element
  parameter A = 12               // bits of an activation, and planes of a vector
) (
  input clk,                     // clock: registers change at its rising edge
  input rst,                     // reset: synchronous, active high
  input in_valid,                // a beat is on in_data
  input [V*IB-1:0] in_data,      // V elements of IB bits, signed, lane 0 lowest
  output plane_valid,            // a plane is on the ports
  output plane_first,            // it is that of the signs
  output plane_last,             // it is that of the lowest bits
  output [LEN-1:0] plane,        // one bit of every element, element 0 lowest
  output [4:0] h                 // bits by which the vector was shifted to the right
);
  localparam BEATS = (LEN + V - 1) / V;
  localparam BW = $clog2(BEATS + 1);
  localparam CW = $clog2(A + 1);
  `HW_ROUND_DOWN(round, IB, 5, A)
  // The planes with beat `at` of the vector, shifted to the right by `by`, put into its places.
  function [A*LEN-1:0] filled;
    input [A*LEN-1:0] planes;
    input [V*IB-1:0] beat;
    input [BW-1:0] at;
    input [4:0] by;
    reg [A:0] rounded;
    integer l, b, k;
    begin
      filled = planes;
      for (l = 0; l < V; l = l + 1) begin
        rounded = round($signed(beat[l*IB +: IB]), by);
        for (k = 0; k < BEATS; k = k + 1) if (at == k && k * V + l < LEN)
          for (b = 0; b < A; b = b + 1) filled[b*LEN + k*V + l] = rounded[b];
      end
    end
  endfunction

  wire [BW-1:0] count;
  wire full;
  hw_magnitude #(.V(V), .BEATS(BEATS), .BW(BW), .IB(IB), .A(A)) magnitude (
    .clk(clk), .rst(rst), .in_valid(in_valid), .in_data(in_data), .count(count), .full(full), .h(h));
  reg playing_q, sending_q;
  reg word_q, beat_q;            // a beat is in the word that was read; in the register after it
  reg [BW-1:0] at_q;             // beat that is read
  reg [BW-1:0] word_at_q, beat_at_q; // beats in these stages
  reg [CW-1:0] sent_q;           // planes that have been sent
  reg [V*IB-1:0] x_q;
  reg [A*LEN-1:0] planes_q;      // plane b in bits b * LEN and up
  wire [V*IB-1:0] word;
  wire reading = full || playing_q;
  hw_sram #(.WIDTH(V*IB), .DEPTH(BEATS), .AW(BW)) store (
    .clk(clk), .we(in_valid), .waddr(count), .wdata(in_data), .re(reading), .raddr(at_q), .rdata(word));

  assign plane_valid = sending_q;
  assign plane_first = sending_q && sent_q == 0;
  assign plane_last = sending_q && sent_q == A - 1;
  assign plane = planes_q[A*LEN-1 -: LEN];

  always @(posedge clk) begin
    if (sending_q) begin
      planes_q <= planes_q << LEN;
      sent_q <= sent_q + 1;
      if (sent_q == A - 1) sending_q <= 0;
    end
    if (beat_q) begin
      planes_q <= filled(planes_q, x_q, beat_at_q, h);
      sending_q <= beat_at_q == BEATS - 1;
      sent_q <= 0;
    end
    if (word_q) x_q <= word;
    beat_q <= word_q;
    beat_at_q <= word_at_q;
    word_q <= reading;
    word_at_q <= at_q;
    if (reading) at_q <= (at_q == BEATS - 1) ? 0 : at_q + 1;
    playing_q <= reading && at_q != BEATS - 1;
    if (rst) begin
      playing_q <= 0; at_q <= 0; word_q <= 0; beat_q <= 0; sending_q <= 0;
    end
  end
endmodule
