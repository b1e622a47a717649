// A vector that waits for another one: beat b of it is on out_data while beat b of the other comes. Its first beat comes two cycles or more before
// the other's.
module hw_hold #(
  parameter V = 8,               // lanes: elements a beat
  parameter B = 16,              // bits of an element
  parameter LEN = 64             // elements of the vector
) (
  input clk,                     // clock: registers change at its rising edge
  input rst,                     // reset: synchronous, active high
  input in_valid,                // a beat of the vector is on in_data
  input [V*B-1:0] in_data,       // V elements of B bits, lane 0 lowest
  input take,                    // a beat of the other vector comes: the next one of this is wanted from the next cycle on
  output [V*B-1:0] out_data      // V elements of B bits, lane 0 lowest
);
  localparam BEATS = (LEN + V - 1) / V;
  localparam BW = $clog2(BEATS + 1);
  reg [BW-1:0] put_q;            // beat that comes next
  reg [BW-1:0] get_q;            // beat that is on out_data, or comes there next
  reg first_q;                   // the first beat lies in memory and is to be shown
  wire [BW-1:0] put_d = (put_q == BEATS - 1) ? 0 : put_q + 1;
  wire [BW-1:0] get_d = (get_q == BEATS - 1) ? 0 : get_q + 1;
  hw_sram #(.WIDTH(V*B), .DEPTH(BEATS), .AW(BW)) store (
    .clk(clk), .we(in_valid), .waddr(put_q), .wdata(in_data), .re(first_q || take), .raddr(first_q ? {BW{1'b0}} : get_d), .rdata(out_data));

  always @(posedge clk) begin
    if (rst) begin
      put_q <= 0;
      get_q <= 0;
      first_q <= 0;
    end else begin
      first_q <= in_valid && put_q == 0;
      if (in_valid) put_q <= put_d;
      if (take) get_q <= get_d;
    end
  end
endmodule
