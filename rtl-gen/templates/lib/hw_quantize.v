// Heads into attention (numerics, section 7, step 1): keeps a vector with the magnitude of every head, then replays it through the
// quantiser. Codes of beat b stand b + 3 cycles after `replay`.
`include "hw_round.vh"
`include "hw_check.vh"
module hw_quantize #(
  parameter V = 8,               // lanes: elements a beat
  parameter HEADS = 4,           // heads of the vector
  parameter HEAD_DIM = 8,        // elements of a head
  parameter IB = 16,             // bits of an input element
  parameter CB = 8               // bits of a code
) (
  input clk,                     // clock: registers change at its rising edge
  input rst,                     // reset: synchronous, active high
  input in_valid,                // a beat is on in_data
  input [V*IB-1:0] in_data,      // V elements of IB bits, signed, lane 0 lowest
  output reg complete,           // all beats are in; falls with replay
  input replay,                  // the codes are wanted: begins to play the vector through the quantiser
  output [HEADS*HEAD_DIM*CB-1:0] codes, // element i at i, CB bits, signed
  output reg [HEADS*5-1:0] shifts // bits by which each head was shifted to the right, 5 bits a head
);
  `HW_REQUIRE(IB < 128, hw_quantize_takes_elements_of_up_to_127_bits)
  localparam LEN = HEADS * HEAD_DIM;
  localparam BEATS = (LEN + V - 1) / V;
  localparam BW = $clog2(BEATS + 1);
  localparam HW = $clog2(HEADS + 1);
  `HW_BITLEN(bitlen, IB, 6)
  `HW_ROUND_DOWN(round, IB, 5, CB)
  reg [BW-1:0] count, rd, at1, at2;
  reg [HW-1:0] head [0:V-1];     // of every lane's element
  reg [IB-1:0] mag [0:HEADS-1];
  reg [IB-1:0] x;
  reg playing, r1, r2;
  wire [V*IB-1:0] word;
  reg [HEADS*5-1:0] shifts_next;
  reg [CB:0] r;
  reg [V*CB-1:0] code;
  reg [BEATS*V*CB-1:0] all;
  integer l, n;
  assign codes = all[LEN*CB-1:0];

  hw_sram #(.WIDTH(V*IB), .DEPTH(BEATS), .AW(BW)) store (
    .clk(clk), .we(in_valid), .waddr(count), .wdata(in_data), .re(replay || playing), .raddr(rd), .rdata(word));

  always @(posedge clk) begin
    if (r2) for (n = 0; n < BEATS; n = n + 1) if (at2 == n) all[n*V*CB +: V*CB] <= code;
    if (r1) for (l = 0; l < V; l = l + 1) begin
      r = round($signed(word[l*IB +: IB]), shifts[head[l]*5 +: 5]);
      code[l*CB +: CB] = r[CB-1:0];
    end
    r1 <= replay || playing;
    r2 <= r1;
    at1 <= rd;
    at2 <= at1;
    if (replay || playing) begin
      for (l = 0; l < V; l = l + 1) begin
        n = (rd * V + l) / HEAD_DIM;
        head[l] = (n >= HEADS) ? HEADS - 1 : n;
      end
      rd <= (rd == BEATS - 1) ? 0 : rd + 1;
      playing <= rd != BEATS - 1;
    end
    if (replay) begin
      complete <= 0;
      for (n = 0; n < HEADS; n = n + 1) shifts_next[n*5 +: 5] = bitlen(mag[n] >> (CB - 1));
      shifts <= shifts_next;
    end
    if (in_valid) begin
      if (count == 0) for (n = 0; n < HEADS; n = n + 1) mag[n] = 0;
      for (l = 0; l < V; l = l + 1) begin
        n = (count * V + l) / HEAD_DIM;
        if (n >= HEADS) n = HEADS - 1;
        x = in_data[l*IB +: IB];
        mag[n] = mag[n] | (x[IB-1] ? -x : x);
      end
      count <= (count == BEATS - 1) ? 0 : count + 1;
      if (count == BEATS - 1) complete <= 1;
    end
    if (rst) begin
      count <= 0; complete <= 0; rd <= 0; playing <= 0; r1 <= 0; r2 <= 0;
    end
  end
endmodule
