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

  wire [BW-1:0] count;
  wire full;
  hw_magnitude #(.V(V), .BEATS(BEATS), .BW(BW), .IB(IB), .A(A)) magnitude (
    .clk(clk), .rst(rst), .in_valid(in_valid), .in_data(in_data), .count(count), .full(full), .h(h));
  reg [BW-1:0] at, at1, at2;
  reg playing, r1, r2, sending;
  reg [CW-1:0] sent;
  reg signed [IB-1:0] element [0:V-1];
  reg [A:0] rounded;
  reg [A*LEN-1:0] act, act_next; // plane b in bits b * LEN and up
  wire [V*IB-1:0] word;
  wire reading = full || playing;
  integer l, b, k;
  hw_sram #(.WIDTH(V*IB), .DEPTH(BEATS), .AW(BW)) store (
    .clk(clk), .we(in_valid), .waddr(count), .wdata(in_data), .re(reading), .raddr(at), .rdata(word));

  assign plane_valid = sending;
  assign plane_first = sending && sent == 0;
  assign plane_last = sending && sent == A - 1;
  assign plane = act[A*LEN-1 -: LEN];

  always @(posedge clk) begin
    if (full) playing <= BEATS > 1;
    if (reading) begin
      at <= (at == BEATS - 1) ? 0 : at + 1;
      if (at == BEATS - 1) playing <= 0;
    end
    r1 <= reading;
    at1 <= at;
    r2 <= r1;
    at2 <= at1;
    if (sending) begin
      act <= act << LEN;
      sent <= sent + 1;
      if (sent == A - 1) sending <= 0;
    end
    if (r2) begin
      act_next = act;
      for (l = 0; l < V; l = l + 1) begin
        rounded = round(element[l], h);
        for (k = 0; k < BEATS; k = k + 1) if (at2 == k && k * V + l < LEN)
          for (b = 0; b < A; b = b + 1) act_next[b*LEN + k*V + l] = rounded[b];
      end
      act <= act_next;
      sending <= at2 == BEATS - 1;
      sent <= 0;
    end
    if (r1) for (l = 0; l < V; l = l + 1) element[l] = word[l*IB +: IB];
    if (rst) begin
      playing <= 0; at <= 0; r1 <= 0; r2 <= 0; sending <= 0;
    end
  end
endmodule
